// What pages say, in Chinese and English side by side, with the names of what is put in as types.
//
//   const t = texts({ parcels: ["{n} 件包裹", { one: "{n} parcel", other: "{n} parcels" }] });
//   t("parcels", { n: 3 })
//
// A key or a value that is missing, and a key without both languages, does not compile.

import { reader } from "./language.svelte.ts";

type English = string | { readonly one: string; readonly other: string };
type Pair = readonly [chinese: string, english: English];
type Value = string | number;

type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Params<Of extends Pair> = Names<Of[0]> extends never ? [] : [values: Record<Names<Of[0]>, Value>];

export function texts<const All extends Record<string, Pair>>(all: All) {
  return <Key extends keyof All>(key: Key, ...values: Params<All[Key]>): string => {
    const [chinese, english] = all[key] as Pair;
    const given: Record<string, Value> = values[0] ?? {};
    if (reader.language === "zh-CN") return filled(chinese, given);
    return filled(typeof english === "string" ? english : english[pluralOf(given["n"])], given);
  };
}

/** A table of names for each member of a type, in both languages. */
export function names<Member extends string>(all: Record<Member, readonly [chinese: string, english: string]>) {
  return (member: Member): string => all[member][reader.language === "zh-CN" ? 0 : 1];
}

/** The same for what companies may add to: what has no name here is called as the company calls it. */
export function namesOfSome(all: Record<string, readonly [chinese: string, english: string]>) {
  return (member: string): string => all[member]?.[reader.language === "zh-CN" ? 0 : 1] ?? member;
}

const plural = new Intl.PluralRules("en");

function pluralOf(count: Value | undefined): "one" | "other" {
  return plural.select(Number(count)) === "one" ? "one" : "other";
}

function filled(text: string, values: Record<string, Value>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => shown(values[name]));
}

function shown(value: Value | undefined): string {
  if (typeof value === "number") return new Intl.NumberFormat(reader.language).format(value);
  return value ?? "";
}
