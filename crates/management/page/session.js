// The session: the person, their roles, and when it ends. The end itself is in watch.js.

import { get } from './api.js';

/** `renewing`: the sign-in is shown in front of unfinished work. */
export const session = { user: null, manages: [], csrf: '', expiresAt: 0, renewing: false };
/** Messages between the tabs of one browser. */
export const tabs = new BroadcastChannel('wmda-auth');
/** The person's last activity known to the server. */
export const activity = { lastCall: Date.now(), last: Date.now() };

const has = (role) => session.user?.roles.includes(role) ?? false;
export const isAdmin = () => has('admin');
export const seesAll = () => has('admin') || has('auditor');
export const manages = (clientId) => session.manages.includes(clientId);

/** Tells the other tabs that an application has changed. */
export const tellChanged = (clientId) => tabs.postMessage({ kind: 'changed', clientId });

function take(view) {
  session.user = view.user;
  session.manages = view.manages;
  session.csrf = view.csrf_token ?? session.csrf;
  session.expiresAt = Date.parse(view.expires_at);
}

/** Fetches the session; returns false if there is none. */
export async function load({ background = false } = {}) {
  try {
    take(await get('/session', { signingIn: true, background }));
    if (!background) activity.lastCall = Date.now();
    return true;
  } catch (error) {
    if (error.status === 401) return false;
    throw error;
  }
}

/** After a sign-in: this tab and the others continue. */
export function entered(view) {
  take(view);
  activity.lastCall = Date.now();
  activity.last = Date.now();
  tabs.postMessage({ kind: 'signed-in', user: view.user.id });
}

/** The session is over. */
export function forget() {
  Object.assign(session, { user: null, manages: [], csrf: '', expiresAt: 0, renewing: false });
}
