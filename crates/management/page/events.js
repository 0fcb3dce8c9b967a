// Events of the audit trail in words: what was done to what, by names where there are some.

import { h, name } from './dom.js';
import { t } from './texts.js';

const words = t.events;

/** What was done, such as “Secret deleted”; an action without words is shown as it is. */
export const actionText = (action) => words.actions[action] ?? action;

/** The actions that there are, as code and words. */
export const actions = () => Object.entries(words.actions);

/** The object of an event, such as `application/<id>/secret/<id>`, by names; the path stays for whoever asks. */
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
