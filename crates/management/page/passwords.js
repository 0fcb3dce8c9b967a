// A new password, typed twice: the rules that the page can check before the server.

import { field, input } from './forms.js';
import { t } from './texts.js';

const SHORTEST = 8;
const LONGEST = 256;
const words = t.passwords;

/** The two fields; `.good()` validates and shows errors. */
export function passwordFields() {
  const control = () => input({ type: 'password', autocomplete: 'new-password' });
  const first = field(words.label, control(), { advice: words.advice(SHORTEST), longest: LONGEST });
  const again = field(words.repeat, control());
  return {
    fields: [first, again],
    value: () => first.control.value,
    good() {
      const password = first.control.value;
      if ([...password].length < SHORTEST) first.fail(words.tooShort(SHORTEST));
      else if (password !== again.control.value) again.fail(words.differ);
      else return true;
      return false;
    },
  };
}
