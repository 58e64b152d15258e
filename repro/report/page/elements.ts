// Promises elements of the page made from text alone, so that nothing in the data is ever read as HTML. Leaves what they say to main.ts.

export function element(
  name: string,
  attributes: Record<string, string>,
  ...content: (Node | string)[]
): HTMLElement {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...content);
  return made;
}

export function details(title: string, open: boolean, ...content: (Node | string)[]): HTMLElement {
  return element("details", open ? { open: "" } : {}, element("summary", {}, title), ...content);
}

/** Terms and what they are; absent ones are left out. */
export const pairsOf = (pairs: readonly (readonly [string, string | undefined])[]): HTMLElement =>
  element(
    "dl",
    {},
    ...pairs.flatMap(([term, value]) =>
      value === undefined ? [] : [element("dt", {}, term), element("dd", {}, value)]
    ),
  );
