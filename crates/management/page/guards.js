// What can't be shown again, such as the value of a new secret: nobody leaves it without a question, however they leave.

const guards = new Set();

/**
 * Registers a guard. `unsaved()` says whether something would be lost; `ask()` asks about it, where that is possible.
 * Answers how to take the guard away.
 */
export function guard(unsaved, ask = () => {}) {
  const one = { unsaved, ask };
  guards.add(one);
  return () => guards.delete(one);
}

/** Those that would lose something now. */
const holding = () => [...guards].filter((one) => one.unsaved());

/** Whether something would be lost, whatever stands in front of it. */
export const isHolding = () => holding().length > 0;

/** Keeps the view: asks about what would be lost. Answers whether there is something. */
export function hold() {
  const held = holding();
  held.at(-1)?.ask();
  return held.length > 0;
}

addEventListener('beforeunload', (event) => {
  if (isHolding()) event.preventDefault();
});
