// What lies above the page: opened by keys and from its head.

class Overlays {
  search = $state(false);
  help = $state(false);
}

export const overlays = new Overlays();
