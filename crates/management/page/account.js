// My account: what somebody sets about themselves.

import { get, patch } from './api.js';
import { h, name, replace } from './dom.js';
import { guarded } from './lists.js';
import { toast } from './notices.js';
import { session } from './session.js';
import { t, titled } from './texts.js';

const words = t.account;

export async function accountView(main, { signal }) {
  titled(words.title);
  const preferences = await get('/session/preferences', { signal });
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, words.title),
        h('p', { class: 'lead' }, name(session.user.display_name), ' · ', name(session.user.email)),
      ),
    ),
    mailSection(preferences),
  );
}

/** Which reminders come. Urgent ones always do. */
function mailSection(preferences) {
  const problem = h('div', { role: 'alert' });
  const choose = (wanted) =>
    guarded(problem, async () => {
      await patch('/session/preferences', { reminders: wanted });
      toast(t.saved);
    });
  const option = ([value, [label, what]]) =>
    h(
      'label',
      { class: 'check' },
      h('input', {
        type: 'radio',
        name: 'reminders',
        value,
        checked: preferences.reminders === value,
        onchange: () => choose(value),
      }),
      h('span', {}, label, h('span', { class: 'muted small block' }, what)),
    );
  return h(
    'section',
    { 'aria-labelledby': 'mail-title' },
    h('h2', { id: 'mail-title' }, words.mail),
    problem,
    h(
      'fieldset',
      { class: 'panel fieldset' },
      h('legend', { class: 'unseen' }, words.mail),
      h('div', { class: 'checks' }, Object.entries(words.reminders).map(option)),
    ),
  );
}
