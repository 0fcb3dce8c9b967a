// Grace period: the WMDA team extends a secret that is still needed on its last day by some hours, once.

import { post } from './api.js';
import { openDialog } from './dialogs.js';
import { h, name } from './dom.js';
import { field, form, select } from './forms.js';
import { icon } from './icons.js';
import { toast } from './notices.js';
import { t } from './texts.js';

const words = t.grace;
/** The server accepts one hour to seventy-two. */
const CHOICES = [24, 48, 72];

/** Extends the secret of an item of *Needs attention*; `changed` refreshes the list. */
export function graceButton(item, changed) {
  return h(
    'button',
    { type: 'button', class: 'button', 'data-key': `grace-${item.secret_id}`, onclick: () => ask(item, changed) },
    icon('clock'),
    words.button,
    h('span', { class: 'unseen' }, ' ', name(item.secret_name)),
  );
}

function ask(item, changed) {
  const long = field(words.howLong, select(CHOICES.map((hours) => [hours, t.suspend.hours(hours)])));
  const send = async () => {
    const path = `/applications/${item.client_id}/secrets/${item.secret_id}/grace`;
    await post(path, { hours: Number(long.control.value) });
    dialog.close();
    toast(words.done(item.secret_name));
    await changed();
    return true;
  };
  const dialog = openDialog({
    title: words.title,
    kind: 'small',
    body: [
      h('p', {}, words.means(h('strong', {}, name(item.secret_name)), item.application_name)),
      h('p', { class: 'muted' }, words.once),
      form({ fields: [long], submit: words.button, cancel: () => dialog.close(), send }),
    ],
  });
  long.control.focus();
}
