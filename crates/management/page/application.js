// One application: what it is, its secrets, and the rotations under way. What changes elsewhere appears here by itself.

import { h, name, replace } from './dom.js';
import { SessionOver, all, get, isAbort } from './api.js';
import { isAdmin, manages, tellChanged } from './session.js';
import { icon } from './icons.js';
import { copyButton, note } from './notices.js';
import { environments } from './applications.js';
import { fact, secretCard } from './secrets.js';
import { createSecret } from './create-secret.js';
import { deleteSecret } from './delete-secret.js';
import { rotationPanel, rotations, pollEvery } from './rotation.js';
import { accessSection, managersSection, switchButton } from './access.js';

export async function applicationView(main, { parameters: [clientId], signal }) {
  const path = `/applications/${clientId}`;
  let [application, secrets] = await Promise.all([get(path, { signal }), all(`${path}/secrets`, { signal })]);
  let finished = null;
  document.title = `${application.name} – Manage API Credentials`;
  const head = h('div', {});
  const rotating = h('div', { class: 'rotations' });
  const list = h('section', { 'aria-labelledby': 'secrets-title' });
  const around = h('div', {});

  const tools = {
    application: () => application,
    secrets: () => secrets,
    signal,
    create: (replaced = null) => createSecret({ application, replaced, secrets, changed: refresh, drop: tools.drop }),
    drop: (secret, options = {}) => deleteSecret({ clientId, secret, secrets, ...options, changed: refresh }),
    finish: (rotation) => {
      finished = rotation;
      show();
    },
    refresh,
  };

  /** Reads again and shows; a background reading changes nothing when nothing has changed. */
  async function refresh({ background = false, told = false } = {}) {
    const before = JSON.stringify([application, secrets]);
    [application, secrets] = await Promise.all([
      get(path, { signal, background }),
      all(`${path}/secrets`, { signal, background }),
    ]);
    if (!background && !told) tellChanged(clientId);
    if (JSON.stringify([application, secrets]) !== before || !background) show();
    return secrets;
  }

  function show() {
    if (signal.aborted) return;
    const key = document.activeElement?.dataset?.key;
    const opened = [...main.querySelectorAll('details[open]')].map(
      (one) => one.closest('[data-secret]')?.dataset.secret,
    );
    replace(head, header(application, tools));
    replace(
      rotating,
      rotations(secrets).map((one) => rotationPanel(one, tools)),
      finished && rotationPanel(finished, tools),
    );
    replace(list, secretList(application, secrets, tools));
    replace(around, accessSection(application, tools), managersSection(application, tools));
    for (const one of opened) main.querySelector(`[data-secret="${one}"] details`)?.setAttribute('open', '');
    if (key) main.querySelector(`[data-key="${key}"]`)?.focus();
  }

  show();
  replace(main, head, rotating, list, around);
  watchRotation(() => rotations(secrets), tools, signal);
  return {
    changed: (changedId) => {
      if (changedId === clientId) refresh({ background: true, told: true }).catch(() => {});
    },
  };
}

function header(application, tools) {
  return [
    h('p', { class: 'crumb' }, h('a', { href: '#/applications' }, icon('back'), 'Applications')),
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, application.name),
        h(
          'p',
          { class: 'marks' },
          name(application.organisation_name, { class: 'muted' }),
          environments(application),
          application.sandbox_only && h('span', { class: 'badge' }, 'Match-Connect sandbox only'),
        ),
      ),
      switchButton(application, tools),
    ),
    !application.enabled &&
      note('danger', 'This application is disabled: it gets no token, whatever its secret. Ask the WMDA team why.'),
    h(
      'dl',
      { class: 'panel facts wide' },
      fact('Client id', [h('code', {}, application.client_id), copyButton(application.client_id, 'the client id')]),
      fact('Token URL', [
        h('code', {}, `${location.origin}/oauth2/token`),
        copyButton(`${location.origin}/oauth2/token`, 'the token URL'),
      ]),
    ),
  ];
}

function secretList(application, secrets, tools) {
  const mine = manages(application.client_id);
  const create =
    mine &&
    h(
      'button',
      { type: 'button', class: 'button primary', 'data-key': 'create', onclick: () => tools.create() },
      icon('plus'),
      'Create new secret',
    );
  const title = h(
    'div',
    { class: 'section-head' },
    h('h2', { id: 'secrets-title', tabindex: '-1' }, 'Secrets'),
    secrets.length > 0 && create,
  );
  if (secrets.length === 0) {
    return [
      title,
      h(
        'div',
        { class: 'panel empty' },
        h('p', {}, 'No secret yet. The application can call no API until it has one.'),
        create,
      ),
    ];
  }
  const replacing = new Set(secrets.map((one) => one.replaces));
  const buttons = (one) => [
    mine &&
      !replacing.has(one.id) &&
      h(
        'button',
        { type: 'button', class: 'button', 'data-key': `rotate-${one.id}`, onclick: () => tools.create(one) },
        icon('rotate'),
        'Rotate',
        h('span', { class: 'unseen' }, ' ', name(one.name)),
      ),
    (mine || isAdmin()) &&
      h(
        'button',
        {
          type: 'button',
          class: 'button quiet danger',
          'data-key': `delete-${one.id}`,
          onclick: () => tools.drop(one),
        },
        icon('bin'),
        'Delete',
        h('span', { class: 'unseen' }, ' ', name(one.name)),
      ),
  ];
  return [
    title,
    !mine &&
      h(
        'p',
        { class: 'muted' },
        isAdmin()
          ? 'Only the application’s managers create secrets; in an emergency you can delete one. Nobody can read them.'
          : 'Only the application’s managers create and delete secrets. Nobody can read them.',
      ),
    h(
      'div',
      { class: 'cards' },
      secrets.map((one) => secretCard(one, buttons(one))),
    ),
  ];
}

/** While a rotation is under way the page looks for news by itself, the less often the longer it takes. */
async function watchRotation(pending, tools, signal) {
  let waited = 0;
  while (!signal.aborted) {
    const pause = pollEvery(pending(), waited);
    await new Promise((resolve) => setTimeout(resolve, pause));
    waited += pause;
    if (signal.aborted) return;
    if (pending().length === 0) {
      waited = 0;
      continue;
    }
    if (document.visibilityState === 'hidden') continue;
    try {
      await tools.refresh({ background: true });
    } catch (error) {
      if (error instanceof SessionOver || isAbort(error)) return;
    }
  }
}
