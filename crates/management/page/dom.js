// Builds DOM elements. Text from the API becomes text nodes: nothing here parses markup.

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element. `on…` attributes are listeners; true and false set and omit; null and false children are skipped. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** An SVG element, by the same rules. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  add(element, ...children);
  return element;
}

/** Appends children: elements, texts, or nested lists of them. */
export function add(element, ...children) {
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
}

/** Replaces the children. */
export function replace(element, ...children) {
  element.replaceChildren();
  add(element, ...children);
}

/** User-supplied text, isolated so that direction marks in it affect nothing around it. */
export function name(text, attributes = {}) {
  return h('bdi', attributes, text);
}

let last = 0;
/** A unique id, for references between elements. */
export function newId(prefix) {
  last += 1;
  return `${prefix}-${last}`;
}
