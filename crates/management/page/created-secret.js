// The value of a new secret: shown this once. Whoever leaves without it is asked first.

import { add, h, name, replace } from './dom.js';
import { openDialog } from './dialogs.js';
import { copy, copyButton, note } from './notices.js';
import { field, select } from './forms.js';
import { icon } from './icons.js';

/** Shows the value in the dialog that made it. */
export function showValue({ dialog, created, application, replaced }) {
  let taken = false;
  const take = () => {
    taken = true;
  };
  const content = dialog.element.querySelector('.dialog-body');
  const value = h('code', { class: 'value', 'data-secret-value': '' }, created.secret);
  replace(
    content,
    note(
      'warning',
      h(
        'p',
        {},
        h('strong', {}, 'Copy it now: it will not be shown again.'),
        ' It is stored nowhere, and nobody can look it up. If you lose it, delete it and create another one.',
      ),
    ),
    h(
      'div',
      { class: 'value-box' },
      h('div', { class: 'value-label' }, 'Value of ', name(created.name)),
      value,
      copyButton(created.secret, 'the secret', { label: 'Copy secret', kind: 'primary', after: take }),
    ),
    h(
      'p',
      { class: 'id-line' },
      h('span', { class: 'muted' }, 'Client id '),
      h('code', {}, application.client_id),
      copyButton(application.client_id, 'the client id'),
    ),
    h(
      'div',
      { class: 'row' },
      h(
        'button',
        {
          type: 'button',
          class: 'button',
          onclick: () => {
            download(created, application);
            take();
          },
        },
        icon('down'),
        'Download as .env',
      ),
    ),
    test(created, application, take),
    h(
      'div',
      { class: 'actions' },
      h(
        'button',
        { type: 'button', class: 'button primary', onclick: () => dialog.guardedClose() },
        replaced ? 'Done: wait for its first use' : 'Done',
      ),
    ),
  );
  dialog.guard = Object.assign(() => taken || (askFirst(), false), {
    unsaved: () => !taken,
    hold: () => !taken && (askFirst(), true),
  });
  dialog.guardedClose = () => {
    if (dialog.guard()) dialog.close();
  };
  dialog.retitle('Your new secret');

  function askFirst() {
    const button = (text, kind, onclick) =>
      h('button', { type: 'button', class: `button ${kind}`, onclick }, h('span', { class: 'label' }, text));
    const copyIt = button('Copy and close', 'primary', async () => {
      if (!(await copy(created.secret, copyIt))) return;
      take();
      question.close();
      dialog.close();
    });
    const question = openDialog({
      title: 'Leave without the secret?',
      kind: 'small',
      body: [
        h('p', {}, 'You have not copied it. It can’t be shown again.'),
        h(
          'div',
          { class: 'actions' },
          copyIt,
          button('Go back', '', () => question.close()),
          button('Leave without it', 'danger quiet', () => {
            take();
            question.close();
            dialog.close();
          }),
        ),
      ],
    });
    copyIt.focus();
  }
}

/** A call that shows whether the secret works, ready to paste. */
function test(created, application, take) {
  if (application.permissions.length === 0) {
    return note(
      'info',
      'The application may call no API yet, so the secret can’t be tested. Ask the WMDA team for a permission.',
    );
  }
  const options = application.permissions.map((one) => [one.resource_id, `${one.resource_name} (${one.environment})`]);
  const choice = field('API', select(options));
  const command = h('pre', { tabindex: '0', 'aria-label': 'Command that tests the secret' });
  const place = h('div', { class: 'row' });
  const refresh = () => {
    const text = curl(created, application, choice.control.value);
    command.textContent = text;
    replace(place, copyButton(text, 'the test command', { label: 'Copy command', kind: '', after: take }));
  };
  choice.control.addEventListener('change', refresh);
  refresh();
  const details = h('details', { class: 'test' }, h('summary', {}, 'Test it with curl'));
  add(
    details,
    options.length > 1 ? choice : null,
    command,
    h(
      'p',
      { class: 'muted' },
      'It works when the answer holds an access_token. Shells keep what you paste: use a machine that you trust.',
    ),
    place,
  );
  return details;
}

const tokenUrl = () => `${location.origin}/oauth2/token`;

function curl(created, application, resource) {
  return [
    `curl ${tokenUrl()}`,
    '-d grant_type=client_credentials',
    `-d client_id=${application.client_id}`,
    `-d client_secret=${created.secret}`,
    `-d resource=${resource}`,
  ].join(' \\\n  ');
}

function download(created, application) {
  const lines = [
    `# ${application.name}: the secret that begins with ${created.hint}, expires ${created.expires_at}`,
    `WMDA_TOKEN_URL=${tokenUrl()}`,
    `WMDA_CLIENT_ID=${application.client_id}`,
    `WMDA_CLIENT_SECRET=${created.secret}`,
  ];
  if (application.permissions.length === 1) lines.push(`WMDA_RESOURCE=${application.permissions[0].resource_id}`);
  const url = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'text/plain' }));
  h('a', { href: url, download: `${application.name}.env` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
