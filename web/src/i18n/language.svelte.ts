// The reader's language: chosen on the page and kept, else the browser's best of what there is.

export type Language = "zh-CN" | "en";
export const LANGUAGES: readonly Language[] = ["zh-CN", "en"];

const KEPT_AS = "zaitu.language";

/** The first of the wanted languages there is; Chinese where none is. */
export function bestLanguage(wanted: readonly string[]): Language {
  for (const code of wanted) {
    if (/^zh\b/i.test(code)) return "zh-CN";
    if (/^en\b/i.test(code)) return "en";
  }
  return "zh-CN";
}

class Reader {
  language = $state<Language>("zh-CN");

  constructor() {
    if (typeof document === "undefined") return;
    const kept = localStorage.getItem(KEPT_AS);
    this.language = LANGUAGES.find((code) => code === kept) ?? bestLanguage(navigator.languages);
    document.documentElement.lang = this.language;
  }

  choose(language: Language): void {
    this.language = language;
    localStorage.setItem(KEPT_AS, language);
    document.documentElement.lang = language;
  }
}

export const reader = new Reader();
