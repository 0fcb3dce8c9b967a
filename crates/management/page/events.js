// Events of the audit trail in words: what was done to what, by names where there are some.

import { all } from './api.js';
import { h, name } from './dom.js';
import { t } from './texts.js';

const words = t.events;

/** Reads the names that stand behind the ids of events. */
export async function readNames(signal) {
  const lists = await Promise.all(
    ['/applications', '/organisations', '/users', '/resources'].map((path) => all(path, { signal }).catch(() => [])),
  );
  const [applications, organisations, users, resources] = lists;
  return new Map([
    ...applications.map((one) => [one.client_id, one.name]),
    ...organisations.map((one) => [one.id, one.name]),
    ...users.map((one) => [one.id, one.display_name]),
    ...resources.map((one) => [one.id, t.apiIn(one.name, one.environment)]),
  ]);
}

/** What was done, such as “Secret deleted”; an action without words is shown as it is. */
export const actionText = (action) => words.actions[action] ?? action;

/** The actions that there are, as code and words. */
export const actions = () => Object.entries(words.actions);

/** The object of an event, such as `application/<id>/secret/<id>`, by names; the path stays for whoever asks. */
export function objectName(event, names) {
  const named = pairs(event.object).map(([kind, id]) => part(kind, id, names));
  if (event.object_name) named.splice(named.length ? named.length - 1 : 0, 1, name(event.object_name));
  if (named.length === 0) return h('span', { class: 'muted' }, '–');
  return h(
    'span',
    { title: event.object },
    named.flatMap((one, at) => (at === 0 ? [one] : [' › ', one])),
  );
}

/** `application/<id>/secret/<id>` → [['application', id], ['secret', id]] */
function pairs(object) {
  const parts = object.split('/');
  if (parts.length < 2) return [];
  return Array.from({ length: Math.floor(parts.length / 2) }, (_, at) => parts.slice(2 * at, 2 * at + 2));
}

function part(kind, id, names) {
  const known = names.get(id);
  const shown = known ? name(known) : h('span', {}, `${words.kinds[kind] ?? kind} `, h('code', {}, shortened(id)));
  if (kind === 'application' && known) return h('a', { href: `#/applications/${id}` }, shown);
  if (kind === 'organisation' && known) return h('a', { href: `#/organisations/${id}` }, shown);
  return shown;
}

const shortened = (id) => (/^[0-9a-f-]{36}$/.test(id) ? `${id.slice(0, 8)}…` : id);
