// The end of a session, the same in every tab: the warning before it, the sign-in in front of unfinished work, and
// signing out. The timer counts a person's activity: background calls are marked and keep nothing alive.

import { h, replace } from './dom.js';
import { clock, hooks, remove } from './api.js';
import { announce, toast } from './notices.js';
import { duration } from './dates.js';
import { closeAll, confirm, inDialog, openDialog } from './dialogs.js';
import { isHolding } from './guards.js';
import { signInForm } from './sign-in.js';
import { activity, forget, load, session, tabs } from './session.js';
import { t } from './texts.js';

const words = t.session;
const WARN_BEFORE = 5 * 60_000;
const CHECK_EVERY = 15_000;
/** Typing sends nothing to the server: at this interval the page reports that the person is active. */
const SIGN_OF_LIFE = 4 * 60_000;

const listeners = { over: () => {}, entered: () => {}, changed: () => {} };
let renewing = null;
let warning = null;
/** The absolute end of the session, which activity does not postpone, once the person was warned. */
let knownEnd = 0;

/** Callbacks of the page: after a sign-in, at the end of the session, and when another tab changed something. */
export function listen({ over, entered, changed }) {
  Object.assign(listeners, { over, entered, changed });
}

/** Signs out, here and in every tab. */
export async function signOut() {
  try {
    await remove('/session', { signingIn: true });
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  tabs.postMessage({ kind: 'signed-out' });
  end(words.signedOut);
}

function end(reason) {
  forget();
  warning?.close();
  closeAll();
  listeners.over(reason);
}

/**
 * The session ended during unfinished work. If a dialog is open, the sign-in is shown in front of it and what was
 * typed stays; otherwise the sign-in replaces the view. Returns whether the same person is back.
 */
function renew(reason = words.ended) {
  warning?.close();
  if (!inDialog() || !session.user) {
    if (session.user) end(`${reason} ${words.signInAgain}`);
    return Promise.resolve(false);
  }
  renewing ??= new Promise((resolve) => signInInFront(reason, resolve));
  return renewing;
}

function signInInFront(reason, resolve) {
  const before = session.user;
  session.renewing = true;
  const over = (back) => {
    renewing = null;
    session.renewing = false;
    resolve(back);
  };
  const back = (view) => {
    if (view.user.id !== before.id) location.reload();
    dialog.close();
    over(true);
  };
  const leave = async () => {
    if (!(await mayLose())) return;
    over(false);
    end(words.signedOut);
  };
  const dialog = openDialog({
    title: words.continueTitle,
    kind: 'small opaque',
    fixed: true,
    body: [
      h('p', {}, `${reason} ${words.typedStays}`),
      signInForm({
        email: before.email,
        done: back,
        extra: h('button', { type: 'button', class: 'button quiet', onclick: leave }, words.leaveUnsaved),
      }),
    ],
  });
  renew.back = back;
  announce(`${words.ended} ${words.signInAgain}`);
}

/** Asks before something is lost that can't be shown again. */
async function mayLose() {
  if (!isHolding()) return true;
  return confirm({
    title: words.loseTitle,
    yes: words.lose,
    no: t.back,
    danger: true,
    body: h('p', {}, words.loseMeans),
  });
}

async function refreshCsrf() {
  const [before, user] = [session.csrf, session.user?.id];
  if (!(await load())) return false;
  if (session.user.id !== user) location.reload();
  return session.csrf !== before;
}

/** Checks the clock: warns before the end, and ends the session. */
async function check() {
  if (!session.user || renewing) return;
  const active = activity.last > activity.lastCall;
  if (active && Date.now() - activity.lastCall > SIGN_OF_LIFE) return keep();
  if (session.expiresAt - clock.now() > WARN_BEFORE) return undefined;
  // The person may have been active in another tab.
  if (!(await alive())) return undefined;
  const left = session.expiresAt - clock.now();
  if (left > WARN_BEFORE) return warning?.close();
  return warn();
}

async function alive() {
  try {
    if (await load({ background: true })) return true;
    renew(words.timedOut);
  } catch {
    /* Without an answer the state of the session is unknown. */
  }
  return false;
}

async function keep() {
  try {
    if (await load()) return;
    renew();
  } catch {
    /* The next check tries again. */
  }
}

function warn() {
  if (warning || knownEnd === session.expiresAt) return;
  const left = h('strong', {});
  const tick = () => {
    const seconds = Math.max(0, Math.round((session.expiresAt - clock.now()) / 1000));
    replace(left, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`);
    if (seconds === 0) check();
  };
  const leave = async () => {
    if (!(await mayLose())) return;
    warning?.close();
    signOut().catch(check);
  };
  const timer = setInterval(tick, 1000);
  warning = openDialog({
    title: words.stillThere,
    kind: 'small',
    closed: () => {
      clearInterval(timer);
      warning = null;
    },
    body: [
      h('p', {}, words.signedOutIn(left)),
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'button primary', onclick: stayOn }, words.stay),
        h('button', { type: 'button', class: 'button', onclick: leave }, words.signOut),
      ),
    ],
  });
  tick();
}

async function stayOn() {
  await keep();
  warning?.close();
  const left = session.expiresAt - clock.now();
  if (!session.user || left > WARN_BEFORE) return;
  knownEnd = session.expiresAt;
  toast(words.knownEnd(duration(left)));
}

async function signedInElsewhere(user) {
  const before = session.user?.id;
  if (before && before !== user) return location.reload();
  if (!(await load({ background: true }))) return undefined;
  if (renewing) return renew.back({ user: session.user });
  // Whoever is signed in here already continues.
  return before ? undefined : listeners.entered();
}

tabs.addEventListener('message', ({ data }) => {
  if (data.kind === 'signed-in') signedInElsewhere(data.user).catch(() => {});
  if (data.kind === 'changed' && session.user) listeners.changed(data.clientId);
  if (data.kind !== 'signed-out' || !session.user) return;
  if (inDialog()) renew(words.elsewhere);
  else end(words.elsewhere);
});

/** Starts the timers. */
export function watch() {
  const active = () => {
    activity.last = Date.now();
  };
  for (const event of ['keydown', 'pointerdown', 'input'])
    addEventListener(event, active, { capture: true, passive: true });
  setInterval(check, CHECK_EVERY);
  document.addEventListener('visibilitychange', async () => {
    // After sleep or in a tab brought back, fetches the session before trusting its state.
    if (document.visibilityState === 'visible' && session.user && !renewing && (await alive())) check();
  });
}

Object.assign(hooks, { csrf: () => session.csrf, refreshCsrf, renew: () => renew() });
