// Guards of what can't be shown again, such as a new secret's value: every way of leaving asks first.

const guards = new Set();

/**
 * Registers a guard. `unsaved()` says whether something would be lost; `ask()` asks about it, where that is possible.
 * Returns the function that removes the guard.
 */
export function guard(unsaved, ask = () => {}) {
  const one = { unsaved, ask };
  guards.add(one);
  return () => guards.delete(one);
}

/** Guards of what would be lost now. */
const holding = () => [...guards].filter((one) => one.unsaved());

/** Whether something would be lost, whatever is in front of it. */
export const isHolding = () => holding().length > 0;

/** Asks before the view is left, if something would be lost. Returns whether there is something. */
export function hold() {
  const held = holding();
  held.at(-1)?.ask();
  return held.length > 0;
}

addEventListener('beforeunload', (event) => {
  if (isHolding()) event.preventDefault();
});
