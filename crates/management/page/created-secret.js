// The value of a new secret, shown once. Leaving without it asks first.

import { facts } from './api.js';
import { expiryText } from './dates.js';
import { add, h, name, replace } from './dom.js';
import { field, select } from './forms.js';
import { icon } from './icons.js';
import { copyButton, note } from './notices.js';
import { keepUntilTaken } from './once.js';
import { t } from './texts.js';
import { tokenUrl } from './token-urls.js';

const words = t.createdSecret;

/** Shows the value in the dialog that created it. */
export function showValue({ dialog, created, application, replaced }) {
  const take = keepUntilTaken(dialog, created.secret, words.leave);
  const content = dialog.element.querySelector('.dialog-body');
  const save = () => {
    download(created, application);
    take();
  };
  replace(
    content,
    note('warning', h('p', {}, h('strong', {}, words.once), ' ', words.nowhere)),
    h(
      'div',
      { class: 'value-box' },
      h('div', { class: 'value-label' }, words.valueOf(name(created.name))),
      h('code', { class: 'value', 'data-secret-value': '' }, created.secret),
      copyButton(created.secret, words.theSecret, { label: words.copy, kind: 'primary', after: take }),
    ),
    h('p', {}, words.worksUntil(h('strong', {}, expiryText(created.expires_at)))),
    h(
      'p',
      { class: 'id-line' },
      h('span', { class: 'muted' }, t.clientId, ' '),
      h('code', {}, application.client_id),
      copyButton(application.client_id, t.theClientId),
    ),
    h(
      'div',
      { class: 'row' },
      h('button', { type: 'button', class: 'button', onclick: save }, icon('down'), words.download),
    ),
    test(created, application, take),
    h(
      'div',
      { class: 'actions' },
      h(
        'button',
        { type: 'button', class: 'button primary', onclick: dialog.leave },
        replaced ? words.doneRotating : t.done,
      ),
    ),
  );
  dialog.retitle(words.title);
}

/** A command that tests the secret, ready to paste. */
function test(created, application, take) {
  if (application.permissions.length === 0) return note('info', words.untestable);
  const options = application.permissions.map((one) => [one.resource_id, t.apiIn(one.resource_name, one.environment)]);
  const choice = field(t.api, select(options));
  const command = h('pre', { tabindex: '0', 'aria-label': words.command });
  const place = h('div', { class: 'row' });
  const refresh = () => {
    const text = curl(created, application, choice.control.value);
    command.textContent = text;
    replace(place, copyButton(text, words.theCommand, { label: words.copyCommand, kind: '', after: take }));
  };
  choice.control.addEventListener('change', refresh);
  refresh();
  const details = h('details', { class: 'test' }, h('summary', {}, words.test));
  add(details, options.length > 1 ? choice : null, command, h('p', { class: 'muted' }, words.testWorks), place);
  return details;
}

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
    `# ${words.fileNote(application.name, created.hint, created.expires_at)}`,
    `WMDA_TOKEN_URL=${tokenUrl()}`,
    `WMDA_CLIENT_ID=${application.client_id}`,
    `WMDA_CLIENT_SECRET=${created.secret}`,
  ];
  if (facts.tenant_id) lines.push(`WMDA_TENANT_ID=${facts.tenant_id}`);
  if (application.permissions.length === 1) lines.push(`WMDA_RESOURCE=${application.permissions[0].resource_id}`);
  const url = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'text/plain' }));
  h('a', { href: url, download: `${application.name}.env` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
