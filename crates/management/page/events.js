// Audit events in words: actions and objects, by names where they are known.

import { h, name } from './dom.js';
import { t } from './texts.js';

const words = t.events;

/** The action, such as “Secret deleted”; one without translation is shown as its code. */
export const actionText = (action) => words.actions[action] ?? action;

/** All actions, as code and text. */
export const actions = () => Object.entries(words.actions);

/** An event's object, such as `application/<id>/secret/<id>`, by names; the path is shown in detail. */
export function objectName(event, names) {
  const named = pairs(event.object).map(([kind, id]) => part(kind, id, names));
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
