// Suspending a credential: a trial without it. It ends by itself, or is taken back at any time.

import { clock, patch } from './api.js';
import { openDialog } from './dialogs.js';
import { h, name } from './dom.js';
import { field, form, select } from './forms.js';
import { icon } from './icons.js';
import { guarded } from './lists.js';
import { toast } from './notices.js';
import { isLive, isSuspended } from './secrets.js';
import { t } from './texts.js';

const words = t.suspend;
const HOUR = 3_600_000;
/** The server accepts ten minutes to seven days; a minute less, for latency. */
const CHOICES = [1, 8, 24, 72, 168];

/** Suspends a working credential, or takes a suspension back. `changed` refreshes the list. */
export function suspendButton(credential, path, changed) {
  if (!isLive(credential)) return null;
  const suspended = isSuspended(credential);
  const problem = h('span', { role: 'alert' });
  const run = () =>
    suspended ? guarded(problem, () => putBack(credential, path, changed)) : ask(credential, path, changed);
  return [
    h(
      'button',
      {
        type: 'button',
        // Once a leaked secret is restored, whoever found it can use it again.
        class: `button ${suspended && !credential.leak_reported_at ? 'primary' : ''}`,
        'data-key': `suspend-${credential.id}`,
        onclick: run,
      },
      icon(suspended ? 'rotate' : 'pause'),
      suspended ? words.putBack : words.suspend,
      h('span', { class: 'unseen' }, ' ', name(credential.name)),
    ),
    problem,
  ];
}

async function putBack(credential, path, changed) {
  await patch(path, { suspended_until: null });
  toast(words.isBack(credential.name));
  await changed();
}

function ask(credential, path, changed) {
  const long = field(words.howLong, select(CHOICES.map((hours) => [hours, words.hours(hours)])));
  const send = async () => {
    const until = clock.now() + Number(long.control.value) * HOUR - 60_000;
    await patch(path, { suspended_until: new Date(until).toISOString() });
    dialog.close();
    toast(words.isSuspended(credential.name));
    await changed();
    return true;
  };
  const dialog = openDialog({
    title: words.title,
    kind: 'small',
    body: [
      h('p', {}, words.means(h('strong', {}, name(credential.name)))),
      form({ fields: [long], submit: words.suspend, cancel: () => dialog.close(), send }),
    ],
  });
  long.control.focus();
}
