// One application: its facts, its secrets, and the rotations in progress. Changes made elsewhere appear here by
// themselves.

import { accessSection, managersSection, switchButton } from './access.js';
import { all, facts, get, isAbort, SessionOver } from './api.js';
import { decisions, environments } from './applications.js';
import { historySection } from './history.js';
import { createSecret } from './create-secret.js';
import { moment } from './dates.js';
import { deleteSecret } from './delete-secret.js';
import { h, name, replace } from './dom.js';
import { icon } from './icons.js';
import { keysSection } from './keys.js';
import { copyButton, note } from './notices.js';
import { refusedSection } from './refused.js';
import { pollEvery, rotationPanel, rotations } from './rotation.js';
import { fact, isSuspended, secretCard, secretRow } from './secrets.js';
import { isAdmin, manages, seesAll, tellChanged } from './session.js';
import { settingsSection } from './settings.js';
import { suspendButton } from './suspend.js';
import { t, titled } from './texts.js';
import { entraTokenUrls, tokenUrl } from './token-urls.js';

const words = t.application;
/** Above this number, each secret is shown as one line. */
const FEW = 4;

export async function applicationView(main, { parameters: [clientId, secretId], signal }) {
  const path = `/applications/${clientId}`;
  let [application, secrets] = await Promise.all([get(path, { signal }), all(`${path}/secrets`, { signal })]);
  const owner = seesAll() ? await get(`/organisations/${application.organisation_id}`, { signal }) : null;
  let finished = null;
  let dense = secrets.length > FEW;
  titled(application.name);
  const head = h('div', {});
  const rotating = h('div', { class: 'rotations' });
  const list = h('section', { 'aria-labelledby': 'secrets-title' });
  const around = h('div', {});

  const tools = {
    application: () => application,
    secrets: () => secrets,
    signal,
    create: (replaced = null) =>
      createSecret({ application, replaced, secrets, changed: refresh, drop: tools.drop, made: revealRotation }),
    drop: (secret, options = {}) => deleteSecret({ clientId, secret, secrets, ...options, changed: refresh }),
    finish: (rotation) => {
      finished = rotation;
      show();
    },
    isDense: () => dense,
    setDense: (wanted) => {
      dense = wanted;
      show();
    },
    refresh,
  };

  /** Fetches again and redraws; a background fetch redraws only if something has changed. */
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
    const kept = keepPlace(main);
    replace(head, header(application, owner, tools));
    replace(
      rotating,
      rotations(secrets).map((one) => rotationPanel(one, tools)),
      finished && rotationPanel(finished, tools),
    );
    replace(list, secretList(application, secrets, tools));
    replace(
      around,
      settingsSection(application, tools),
      accessSection(application, tools),
      managersSection(application, tools),
    );
    kept.restore();
  }

  show();
  replace(
    main,
    head,
    missing(secrets, secretId),
    rotating,
    list,
    keysSection(application, signal),
    around,
    refusedSection(clientId, signal),
    historySection(clientId, signal),
  );
  watchRotation(() => rotations(secrets), tools, signal);
  return {
    changed: (changedId) => {
      if (changedId === clientId) refresh({ background: true, told: true }).catch(() => {});
    },
    settled: () => revealSecret(secretId),
  };
}

/** What is unfolded and focused, so that a redraw preserves both. */
function keepPlace(main) {
  const focused = main.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.key;
  const of = (element) => element.closest('[data-secret]')?.dataset.secret;
  const mails = [...main.querySelectorAll('details.reminders[open]')].map(of);
  const rests = [...main.querySelectorAll('.secret-rest:not([hidden])')].map(of);
  const inside = (id, selector) => main.querySelector(`[data-secret="${id}"] ${selector}`);
  return {
    restore() {
      for (const id of mails) inside(id, 'details.reminders')?.setAttribute('open', '');
      for (const id of rests) inside(id, '[aria-expanded="false"]')?.click();
      if (!focused || focused.isConnected) return;
      const again = key && main.querySelector(`[data-key="${CSS.escape(key)}"]`);
      (again || main.querySelector('h1'))?.focus({ preventScroll: true });
    },
  };
}

/** The target of a link in a mail; the secret may have been deleted. */
function missing(secrets, secretId) {
  return secretId && !secrets.some((one) => one.id === secretId) ? note('info', words.secretGone) : null;
}

function revealSecret(secretId) {
  const found = secretId && document.querySelector(`[data-secret="${secretId}"]`);
  if (!found) return false;
  found.classList.add('wanted');
  found.scrollIntoView({ block: 'center' });
  found.querySelector('h3').focus({ preventScroll: true });
  return true;
}

/** A rotation that has just begun may be above the visible part of the page. */
function revealRotation(made) {
  const panel = made.replaces && document.querySelector(`[data-rotation="${made.id}"]`);
  if (!panel) return;
  panel.scrollIntoView({ block: 'start' });
  panel.querySelector('h2').focus({ preventScroll: true });
}

function header(application, owner, tools) {
  return [
    h('p', { class: 'crumb' }, h('a', { href: '#/applications' }, icon('back'), t.applications.title)),
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
          organisation(application),
          environments(application),
          decisions(application),
          application.sandbox_only && h('span', { class: 'badge' }, words.sandboxOnly),
        ),
      ),
      switchButton(application, tools),
    ),
    !application.enabled && disabledNote(application),
    owner?.enabled === false && note('danger', words.ownerDisabled),
    application.advice.map((one) => note('info', h('span', { lang: 'en' }, one))),
    addresses(application),
  ];
}

/** Shows the WMDA team who disabled it, and when. */
function disabledNote(application) {
  const place = h('div', {}, note('danger', seesAll() ? words.disabledForTeam : words.disabled));
  if (seesAll()) tellWho(place, application.client_id).catch(() => {});
  return place;
}

async function tellWho(place, clientId) {
  const { items } = await get(`/applications/${clientId}/history?limit=200`);
  const event = items.find((one) => one.action === 'application.disable');
  if (event) replace(place, note('danger', words.disabledBy(name(event.actor), moment(event.at))));
}

/** The organisation, with a link for the WMDA team. */
function organisation(application) {
  const shown = name(application.organisation_name);
  if (!seesAll()) return h('span', { class: 'muted' }, shown);
  return h('a', { href: `#/organisations/${application.organisation_id}` }, shown);
}

/** The configuration of a system, apart from the secret. */
function addresses(application) {
  const copied = (text, what) => [h('code', {}, text), copyButton(text, what)];
  return h(
    'dl',
    { class: 'panel facts wide' },
    fact(t.clientId, copied(application.client_id, t.theClientId)),
    fact(words.tenant, copied(facts.tenant_id, words.theTenant)),
    fact(words.tokenUrl, copied(tokenUrl(), words.theTokenUrl)),
    entraTokenUrls().map(([version, url]) =>
      fact(words.entraTokenUrl(version), copied(url, words.theEntraTokenUrl(version))),
    ),
  );
}

function secretList(application, secrets, tools) {
  const mine = manages(application.client_id);
  const create =
    mine &&
    h(
      'button',
      { type: 'button', class: 'button primary', 'data-key': 'create', onclick: () => tools.create() },
      icon('plus'),
      t.createSecret.title,
    );
  const title = h(
    'div',
    { class: 'section-head' },
    h('h2', { id: 'secrets-title', tabindex: '-1' }, words.secrets),
    h('div', { class: 'row' }, secrets.length > 1 && denseButton(tools), secrets.length > 0 && create),
  );
  if (secrets.length === 0) return [title, h('div', { class: 'panel empty' }, h('p', {}, words.noSecret), create)];
  const replacing = new Set(secrets.map((one) => one.replaces));
  const path = (one) => `/applications/${application.client_id}/secrets/${one.id}`;
  const buttons = (one) => [
    mine && suspendButton(one, path(one), tools.refresh),
    secretButtons(one, mine, replacing.has(one.id), tools),
  ];
  return [
    title,
    !mine && h('p', { class: 'muted' }, isAdmin() ? words.adminMayDelete : words.managersOnly),
    tools.isDense()
      ? h(
          'div',
          { class: 'panel dense-list' },
          secrets.map((one) => secretRow(one, buttons(one))),
        )
      : h(
          'div',
          { class: 'cards' },
          secrets.map((one) => secretCard(one, buttons(one))),
        ),
  ];
}

function denseButton(tools) {
  const dense = tools.isDense();
  const turn = () => tools.setDense(!dense);
  return h(
    'button',
    { type: 'button', class: 'button quiet', 'data-key': 'dense', 'aria-pressed': String(dense), onclick: turn },
    icon('rows'),
    words.dense,
  );
}

function secretButtons(secret, mine, isReplaced, tools) {
  const button = (kind, key, picture, text, onclick) =>
    h(
      'button',
      { type: 'button', class: `button ${kind}`, 'data-key': `${key}-${secret.id}`, onclick },
      icon(picture),
      text,
      h('span', { class: 'unseen' }, ' ', name(secret.name)),
    );
  return [
    mine && !isReplaced && button('', 'rotate', 'rotate', words.rotate, () => tools.create(secret)),
    (mine || isAdmin()) &&
      button('quiet danger', 'delete', 'bin', isSuspended(secret) ? words.removeForGood : words.remove, () =>
        tools.drop(secret),
      ),
  ];
}

/** During a rotation the page polls for changes, less often the longer it takes. */
async function watchRotation(pending, tools, signal) {
  let waited = 0;
  while (!signal.aborted) {
    const pause = pollEvery(pending(), waited);
    await new Promise((resolve) => setTimeout(resolve, pause));
    waited += pause;
    if (signal.aborted) return;
    if (pending().length === 0) waited = 0;
    if (pending().length === 0 || document.visibilityState === 'hidden') continue;
    try {
      await tools.refresh({ background: true });
    } catch (error) {
      if (error instanceof SessionOver || isAbort(error)) return;
    }
  }
}
