// The entry point of the page: the frame around the views, and the routing of addresses to views.

import { facts, isAbort, NoAnswer, SessionOver } from './api.js';
import { closeAll } from './dialogs.js';
import { add, h, replace } from './dom.js';
import { wording } from './forms.js';
import { hold } from './guards.js';
import { icon } from './icons.js';
import { note } from './notices.js';
import { load, seesAll, session } from './session.js';
import { signInView } from './sign-in.js';
import { language, languages, speak, t, titled } from './texts.js';
import { listen, signOut, watch } from './watch.js';

const words = t.frame;
const ID = '([0-9a-f-]{36})';
/** Each view is a module that is loaded on first use: the sign-in needs none of them. */
const ROUTES = [
  [/^#\/applications$/, './applications.js', 'applicationsView'],
  [new RegExp(`^#/applications/${ID}(?:/secrets/${ID})?$`), './application.js', 'applicationView'],
  [/^#\/account$/, './account.js', 'accountView'],
  [/^#\/attention$/, './attention.js', 'attentionView'],
  [/^#\/organisations$/, './organisations.js', 'organisationsView'],
  [new RegExp(`^#/organisations/${ID}$`), './organisation.js', 'organisationView'],
  [/^#\/people$/, './people.js', 'peopleView'],
  [/^#\/report$/, './report.js', 'reportView'],
  [/^#\/apis$/, './resources.js', 'resourcesView'],
  [/^#\/audit$/, './audit.js', 'auditView'],
];
/** The views of credential managers; the others are the WMDA team's. */
const FOR_ALL = 3;
const TEAM = ['attention', 'applications', 'organisations', 'people', 'report', 'apis', 'audit'];

const top = document.getElementById('top');
const main = document.getElementById('main');
let failures = 0;
let current = { hash: '', leave: null, changed: null };

function frame() {
  const toContent = (event) => {
    event.preventDefault();
    main.focus();
  };
  const here = (path) => current.hash === `#/${path}` || current.hash.startsWith(`#/${path}/`);
  const link = (path, text) => h('a', { href: `#/${path}`, 'aria-current': here(path) ? 'page' : null }, text);
  const user = session.user;
  const team = user && seesAll();
  replace(
    top,
    h('a', { class: 'skip', href: '#main', onclick: toContent }, words.skip),
    h(
      'div',
      { class: team ? 'top-line team' : 'top-line' },
      brand(user),
      user &&
        h(
          'nav',
          { 'aria-label': words.main },
          team ? TEAM.map((path) => link(path, words.views[path])) : link('applications', words.views.applications),
        ),
      user &&
        h(
          'div',
          { class: 'who' },
          h(
            'a',
            { class: 'who-name', href: '#/account', 'aria-current': here('account') ? 'page' : null },
            icon('person'),
            h('span', { class: 'unseen' }, `${t.account.title}: `),
            h('bdi', {}, user.display_name),
          ),
          h(
            'button',
            { type: 'button', class: 'button quiet', onclick: leave },
            icon('out'),
            h('span', { class: 'out-label' }, t.session.signOut),
          ),
        ),
    ),
  );
  showCurrent();
}

/** On a narrow screen the navigation scrolls sideways: keeps the current view visible. */
function showCurrent() {
  const nav = top.querySelector('nav');
  const link = nav?.querySelector('[aria-current]');
  if (link) nav.scrollLeft = link.offsetLeft - nav.offsetLeft - nav.clientWidth / 3;
}

function brand(user) {
  return h(
    'a',
    { class: 'brand', href: user ? '#/' : null },
    h('span', { class: 'mark' }, icon('key')),
    h('span', {}, 'WMDA ', h('span', { class: 'brand-page' }, 'API Credentials')),
  );
}

async function leave(event) {
  const label = event.currentTarget.querySelector('.out-label');
  try {
    await signOut();
  } catch {
    label.textContent = words.noAnswer;
  }
}

const mailto = () => h('a', { href: `mailto:${facts.support_address}` }, facts.support_address);

/** For a person without a role: explains why there is nothing, and whom to ask. */
function closedView() {
  titled(words.closedTitle);
  replace(
    main,
    h(
      'div',
      { class: 'entrance' },
      h('h1', { tabindex: '-1' }, words.closedTitle),
      h(
        'div',
        { class: 'panel' },
        h('p', {}, words.closed(h('strong', {}, h('bdi', {}, session.user.email)))),
        h('p', {}, words.closedAdvice),
        h('p', {}, words.closedAsk(mailto())),
        h(
          'div',
          { class: 'actions' },
          h('button', { type: 'button', class: 'button', onclick: route }, words.checkAgain),
        ),
      ),
    ),
  );
}

function home() {
  location.replace(seesAll() ? '#/attention' : '#/applications');
}

async function route() {
  const hash = location.hash;
  if (current.hash !== hash && hold()) {
    // An enrolment token is used up: it does not return to the address bar.
    history.pushState(null, '', current.hash.startsWith('#token=') ? location.pathname : current.hash || '#/');
    return undefined;
  }
  current.leave?.abort();
  current = { hash, leave: new AbortController(), changed: null };
  const token = /^#token=([\w-]+)$/.exec(hash);
  if (token) return open(showEnrolment(token[1]), []);
  const failure = /^#sign-in-failed=(\w+)$/.exec(hash);
  if (failure) history.replaceState(null, '', location.pathname);
  if (failure || !session.user) return enter({ failure: failure?.[1] ?? '' });
  closeAll();
  if (!seesAll() && session.manages.length === 0 && hash !== '#/account') {
    await load({ background: true });
    if (session.manages.length === 0) {
      frame();
      return settle(closedView());
    }
  }
  for (const [pattern, file, view] of seesAll() ? ROUTES : ROUTES.slice(0, FOR_ALL)) {
    const match = pattern.exec(hash);
    if (match) return open(async (...given) => (await module(file))[view](...given), match.slice(1));
  }
  return home();
}

function showEnrolment(token) {
  return async (place, { signal }) => {
    const { enrolmentView } = await module('./enrolment.js');
    const done = () => {
      location.hash = '#/';
    };
    return enrolmentView(place, { token, done, signal });
  };
}

/**
 * Some browsers cache the failure to load a module: the next attempt uses another URL. That of a module which others
 * import only a reload forgets: it is due once the server answers again.
 */
async function module(file) {
  try {
    return await import(failures ? `${file}?${failures}` : file);
  } catch {
    failures += 1;
    if (failures > 1 && (await isServed(file))) location.reload();
    throw new NoAnswer();
  }
}

const isServed = (file) =>
  fetch(new URL(file, import.meta.url)).then(
    (answer) => answer.ok,
    () => false,
  );

/** After the first view the other modules are preloaded, so that a click shows them at once. */
function fetchOthers() {
  const later = window.requestIdleCallback ?? ((action) => setTimeout(action, 500));
  later(() => {
    for (const [, file] of ROUTES.slice(0, seesAll() ? ROUTES.length : FOR_ALL)) import(file).catch(() => {});
  });
}

/** Shows a view; if that fails, shows the error and offers to retry. */
async function open(view, parameters) {
  frame();
  const { signal } = current.leave;
  const slow = setTimeout(() => loading(signal), 150);
  main.setAttribute('aria-busy', 'true');
  try {
    const shown = await view(main, { parameters, signal });
    if (signal.aborted) return;
    current.changed = shown?.changed ?? null;
    if (!shown?.settled?.()) settle();
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
    h('p', { class: 'unseen', role: 'status' }, words.loading),
    [1, 2, 3].map(() =>
      h('div', { class: 'panel skeleton', 'aria-hidden': 'true' }, h('div', {}), h('div', {}), h('div', {})),
    ),
  );
}

function failed(error) {
  titled(words.failedTab);
  const gone = error.status === 404;
  const title = gone ? words.goneTitle : error instanceof NoAnswer ? words.noAnswerTitle : words.failedTitle;
  replace(
    main,
    h(
      'div',
      { class: 'entrance' },
      h('h1', { tabindex: '-1' }, title),
      h(
        'div',
        { class: 'panel' },
        note(gone ? 'info' : 'danger', gone ? words.gone : wording(error)),
        error.status >= 500 &&
          error.requestId &&
          h('p', { class: 'muted' }, t.form.requestId, ' ', h('code', {}, error.requestId)),
        h(
          'div',
          { class: 'actions' },
          h('button', { type: 'button', class: 'button primary', onclick: route }, words.tryAgain),
          h('a', { class: 'button', href: '#/' }, words.start),
        ),
      ),
    ),
  );
  settle();
}

/** After navigation, focus goes to the view's heading; after Back, the scroll position is restored. */
function settle() {
  main.querySelector('h1')?.focus({ preventScroll: true });
  scrollTo(0, history.state?.scroll ?? 0);
}

function enter({ reason = '', failure = '' } = {}) {
  frame();
  signInView(main, { reason, failure, done: () => route() });
}

function foot() {
  const other = languages.filter(([code]) => code !== language);
  add(
    document.getElementById('foot'),
    h('span', {}, words.help(mailto())),
    h('a', { href: '/api/docs', hreflang: 'en' }, 'REST API'),
    other.map(([code, name]) =>
      h('button', { type: 'button', class: 'link', lang: code, onclick: () => speak(code) }, name),
    ),
  );
}

/** Each entry of the browser's history remembers its scroll position. */
function rememberScroll() {
  history.scrollRestoration = 'manual';
  let timer = 0;
  addEventListener('hashchange', () => clearTimeout(timer));
  addEventListener(
    'scroll',
    () => {
      clearTimeout(timer);
      timer = setTimeout(() => history.replaceState({ ...history.state, scroll: scrollY }, ''), 200);
    },
    { passive: true },
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
rememberScroll();
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
