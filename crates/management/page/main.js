// Starts the page: the frame around the views, and which view an address shows.

import { add, h, replace } from './dom.js';
import { NoAnswer, SessionOver, facts, isAbort } from './api.js';
import { closeAll, currentGuard } from './dialogs.js';
import { load, seesAll, session } from './session.js';
import { listen, signOut, watch } from './watch.js';
import { icon } from './icons.js';
import { note } from './notices.js';
import { sentence } from './forms.js';
import { signInView } from './sign-in.js';

/** Each view is a module that is loaded when it is first shown: the sign-in needs none of them. */
const ROUTES = [
  [/^#\/applications$/, './applications.js', 'applicationsView'],
  [/^#\/applications\/([0-9a-f-]{36})$/, './application.js', 'applicationView'],
  [/^#\/attention$/, './attention.js', 'attentionView'],
  [/^#\/organisations$/, './organisations.js', 'organisationsView'],
  [/^#\/people$/, './people.js', 'peopleView'],
  [/^#\/apis$/, './resources.js', 'resourcesView'],
  [/^#\/audit$/, './audit.js', 'auditView'],
];
const TEAM = [
  ['#/attention', 'Needs attention'],
  ['#/applications', 'Applications'],
  ['#/organisations', 'Organisations'],
  ['#/people', 'People'],
  ['#/apis', 'APIs'],
  ['#/audit', 'Audit trail'],
];

const top = document.getElementById('top');
const main = document.getElementById('main');
let failures = 0;
let current = { hash: '', leave: null, changed: null };

function frame() {
  const skip = h(
    'a',
    {
      class: 'skip',
      href: '#main',
      onclick: (event) => {
        event.preventDefault();
        main.focus();
      },
    },
    'Skip to the content',
  );
  const here = (hash) => current.hash === hash || current.hash.startsWith(`${hash}/`);
  const links = seesAll() ? TEAM : [['#/applications', 'Applications']];
  const user = session.user;
  replace(
    top,
    skip,
    h(
      'div',
      { class: seesAll() ? 'top-line team' : 'top-line' },
      h(
        'a',
        { class: 'brand', href: user ? '#/' : null },
        h('span', { class: 'mark' }, icon('key')),
        h('span', {}, 'WMDA ', h('span', { class: 'brand-page' }, 'API Credentials')),
      ),
      user &&
        h(
          'nav',
          { 'aria-label': 'Main' },
          links.map(([hash, text]) => h('a', { href: hash, 'aria-current': here(hash) ? 'page' : null }, text)),
        ),
      user &&
        h(
          'div',
          { class: 'who' },
          h('span', { class: 'who-name' }, h('bdi', {}, user.display_name)),
          h('button', { type: 'button', class: 'button quiet', onclick: leave }, icon('out'), 'Sign out'),
        ),
    ),
  );
}

async function leave(event) {
  const button = event.currentTarget;
  try {
    await signOut();
  } catch {
    button.textContent = 'No answer: try again';
  }
}

/** Somebody without a role: why there is nothing, and whom to ask. */
function closedView() {
  document.title = 'No access – Manage API Credentials';
  replace(
    main,
    h(
      'div',
      { class: 'entrance' },
      h('h1', { tabindex: '-1' }, 'This page is closed to you for now'),
      h(
        'div',
        { class: 'panel' },
        h(
          'p',
          {},
          'You are signed in as ',
          h('strong', {}, h('bdi', {}, session.user.email)),
          ', but you are not a credential manager of any application.',
        ),
        h(
          'p',
          {},
          'A manager of your organisation can ask the WMDA team to assign you to an application. They assign nobody without the organisation’s confirmation.',
        ),
        h(
          'p',
          {},
          'Ask ',
          h('a', { href: `mailto:${facts.support_address}` }, facts.support_address),
          ', and name your organisation and the application.',
        ),
        h('div', { class: 'actions' }, h('button', { type: 'button', class: 'button', onclick: route }, 'Look again')),
      ),
    ),
  );
}

function home() {
  location.replace(seesAll() ? '#/attention' : '#/applications');
}

async function route() {
  const hash = location.hash;
  if (current.hash !== hash && currentGuard()?.hold?.()) {
    history.pushState(null, '', current.hash || '#/');
    return undefined;
  }
  current.leave?.abort();
  current = { hash, leave: new AbortController(), changed: null };
  const token = /^#token=([\w-]+)$/.exec(hash);
  if (token) {
    return open(async (place) => {
      const { enrolmentView } = await module('./enrolment.js');
      enrolmentView(place, {
        token: token[1],
        done: () => {
          location.hash = '#/';
        },
      });
    }, []);
  }
  const failure = /^#sign-in-failed=(\w+)$/.exec(hash);
  if (failure) history.replaceState(null, '', location.pathname);
  if (failure || !session.user) return enter({ failure: failure?.[1] ?? '' });
  closeAll();
  if (!seesAll() && session.manages.length === 0) {
    await load({ background: true });
    if (session.manages.length === 0) {
      frame();
      return settle(closedView());
    }
  }
  for (const [pattern, file, view] of ROUTES) {
    const match = pattern.exec(hash);
    if (match) return open(async (...given) => (await module(file))[view](...given), match.slice(1));
  }
  return home();
}

/** Some browsers remember that a module could not be loaded: the next attempt asks by another address. */
async function module(file) {
  try {
    return await import(failures ? `${file}?${failures}` : file);
  } catch {
    failures += 1;
    throw new NoAnswer();
  }
}

/** Once the first view stands, the others are fetched, so that a click shows them at once. */
function fetchOthers() {
  const later = window.requestIdleCallback ?? ((action) => setTimeout(action, 500));
  later(() => {
    for (const [, file] of ROUTES.slice(0, seesAll() ? ROUTES.length : 2)) import(file).catch(() => {});
  });
}

/** Shows a view; one that can't be shown says why and offers to try again. */
async function open(view, parameters) {
  frame();
  const { signal } = current.leave;
  const slow = setTimeout(() => loading(signal), 150);
  main.setAttribute('aria-busy', 'true');
  try {
    const shown = await view(main, { parameters, signal });
    if (!signal.aborted) current.changed = shown?.changed ?? null;
    settle();
    if (session.user) fetchOthers();
  } catch (error) {
    if (!isAbort(error) && !(error instanceof SessionOver) && !signal.aborted) failed(error);
  } finally {
    clearTimeout(slow);
    if (!signal.aborted) main.removeAttribute('aria-busy');
  }
}

function loading(signal) {
  if (signal.aborted) return;
  replace(
    main,
    h('p', { class: 'unseen', role: 'status' }, 'Loading…'),
    [1, 2, 3].map(() =>
      h('div', { class: 'panel skeleton', 'aria-hidden': 'true' }, h('div', {}), h('div', {}), h('div', {})),
    ),
  );
}

function failed(error) {
  document.title = 'Not shown – Manage API Credentials';
  const gone = error.status === 404;
  const title = gone
    ? 'There is nothing here'
    : error instanceof NoAnswer
      ? 'The server does not answer'
      : 'This can’t be shown now';
  const text = gone
    ? 'It does not exist, or you may not see it. If you managed it until now, somebody may have ended your assignment.'
    : sentence(error.message);
  replace(
    main,
    h(
      'div',
      { class: 'entrance' },
      h('h1', { tabindex: '-1' }, title),
      h(
        'div',
        { class: 'panel' },
        note(gone ? 'info' : 'danger', text),
        error.status >= 500 &&
          error.requestId &&
          h('p', { class: 'muted' }, 'Request id for support: ', h('code', {}, error.requestId)),
        h(
          'div',
          { class: 'actions' },
          h('button', { type: 'button', class: 'button primary', onclick: route }, 'Try again'),
          h('a', { class: 'button', href: '#/' }, 'Start page'),
        ),
      ),
    ),
  );
  settle();
}

/** After a view has changed, reading goes on at its heading. */
function settle() {
  main.querySelector('h1')?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function enter({ reason = '', failure = '' } = {}) {
  frame();
  signInView(main, { reason, failure, done: () => route() });
}

function foot() {
  add(
    document.getElementById('foot'),
    h('span', {}, 'Help: ', h('a', { href: `mailto:${facts.support_address}` }, facts.support_address)),
    h('a', { href: '/api/docs' }, 'REST API'),
  );
}

listen({
  over: (reason) => {
    current.leave?.abort();
    current.leave = null;
    enter({ reason });
  },
  entered: () => route(),
  changed: (clientId) => current.changed?.(clientId),
});
addEventListener('hashchange', route);
watch();
foot();
try {
  await load();
  await route();
} catch (error) {
  frame();
  failed(error);
}
