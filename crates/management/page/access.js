// An application's permissions and managers; the WMDA team changes both.

import { all, patch, post, remove } from './api.js';
import { day } from './dates.js';
import { confirm, openDialog } from './dialogs.js';
import { h, name, replace } from './dom.js';
import { field, form, input, select } from './forms.js';
import { icon } from './icons.js';
import { environmentBadge, guarded } from './lists.js';
import { note, toast } from './notices.js';
import { isAdmin } from './session.js';
import { t } from './texts.js';

/** A heading with the button that adds an item to the list below it. */
function sectionHead(id, title, add) {
  const button =
    isAdmin() &&
    h('button', { type: 'button', class: 'button', 'data-key': add.key, onclick: add.onclick }, icon('plus'), add.text);
  return h('div', { class: 'section-head' }, h('h2', { id, tabindex: '-1' }, title), button);
}

export function accessSection(application, tools) {
  const words = t.access;
  const path = `/applications/${application.client_id}/permissions`;
  const problem = h('div', { role: 'alert' });
  const take = async (one) => {
    const api = t.apiIn(one.resource_name, one.environment);
    const agreed = await confirm({
      title: words.removeTitle(api),
      danger: true,
      yes: words.remove,
      body: h('p', {}, words.removeMeans(application.name)),
    });
    if (!agreed) return;
    await guarded(problem, async () => {
      await remove(`${path}/${one.resource_id}`);
      toast(words.removed(api));
      await tools.refresh();
    });
  };
  const row = (one) =>
    h(
      'li',
      {},
      h(
        'div',
        {},
        h('strong', {}, name(one.resource_name)),
        ' ',
        environmentBadge(one.environment),
        h(
          'div',
          { class: 'muted small' },
          one.roles.map((role) => h('code', {}, role)),
          ` · ${words.resource} `,
          h('code', {}, one.resource_id),
        ),
      ),
      isAdmin() &&
        h(
          'button',
          {
            type: 'button',
            class: 'button quiet danger',
            'data-key': `revoke-${one.resource_id}`,
            onclick: () => take(one),
          },
          words.remove,
          h('span', { class: 'unseen' }, ` ${t.apiIn(one.resource_name, one.environment)}`),
        ),
    );
  const add = { key: 'grant', text: words.grant, onclick: () => guarded(problem, () => grant(path, tools)) };
  return h(
    'section',
    { 'aria-labelledby': 'access-title' },
    sectionHead('access-title', words.title, add),
    problem,
    application.permissions.length === 0
      ? h('p', { class: 'panel empty' }, words.none)
      : h('ul', { class: 'panel rows' }, application.permissions.map(row)),
  );
}

async function grant(path, tools) {
  const words = t.access;
  const resources = await all('/resources').catch(() => []);
  const which = field(t.api, select(resources.map((one) => [one.id, t.apiIn(one.name, one.environment)])));
  const roles = h('div', { class: 'checks' });
  const error = h('div', { class: 'field-error', role: 'alert' });
  const offer = () => {
    const chosen = resources.find((one) => one.id === which.control.value);
    const box = (role) =>
      h('label', { class: 'check' }, h('input', { type: 'checkbox', value: role, checked: true }), h('code', {}, role));
    replace(roles, (chosen?.roles ?? []).map(box));
  };
  which.control.addEventListener('change', offer);
  offer();
  const send = async () => {
    const chosen = [...roles.querySelectorAll('input:checked')].map((one) => one.value);
    replace(error, chosen.length ? null : words.roleMissing);
    if (chosen.length === 0) return false;
    const made = await post(path, { resource_id: which.control.value, roles: chosen });
    dialog.close();
    toast(words.granted(t.apiIn(made.resource_name, made.environment)));
    await tools.refresh();
    return true;
  };
  const dialog = openDialog({
    title: words.grantTitle,
    body: form({
      fields: [which, h('fieldset', { class: 'fieldset' }, h('legend', {}, t.roles), roles, error)],
      submit: words.grant,
      cancel: () => dialog.close(),
      send,
    }),
  });
  which.control.focus();
}

export function managersSection(application, tools) {
  const words = t.managers;
  const path = `/applications/${application.client_id}/managers`;
  const problem = h('div', { role: 'alert' });
  const end = async (one) => {
    const agreed = await confirm({
      title: words.removeTitle,
      danger: true,
      yes: words.remove,
      body: h('p', {}, words.removeMeans(name(one.display_name), application.name)),
    });
    if (!agreed) return;
    await guarded(problem, async () => {
      await remove(`${path}/${one.user_id}`);
      toast(words.removed(one.display_name));
      await tools.refresh();
    });
  };
  const row = (one) =>
    h(
      'li',
      {},
      h(
        'div',
        {},
        h('strong', {}, name(one.display_name)),
        ' ',
        !one.enabled && h('span', { class: 'badge danger' }, t.state.disabled),
        !one.enrolled && h('span', { class: 'badge warning' }, t.state.notEnrolled),
        h(
          'div',
          { class: 'muted small' },
          h('a', { href: `mailto:${one.email}` }, one.email),
          ' · ',
          words.confirmed(name(one.confirmed_by), day(one.confirmed_at)),
        ),
      ),
      isAdmin() &&
        h(
          'button',
          {
            type: 'button',
            class: 'button quiet danger',
            'data-key': `unassign-${one.user_id}`,
            onclick: () => end(one),
          },
          words.remove,
          h('span', { class: 'unseen' }, ' ', name(one.display_name)),
        ),
    );
  const able = application.managers.filter((one) => one.can_sign_in).length;
  const add = {
    key: 'assign',
    text: words.assign,
    onclick: () => guarded(problem, () => assign(application, path, tools)),
  };
  return h(
    'section',
    { 'aria-labelledby': 'managers-title' },
    sectionHead('managers-title', words.title, add),
    problem,
    able < 2 &&
      note('warning', able === 0 ? words.nobody : words.onlyOne, ' ', isAdmin() ? words.askThem : words.askTheTeam),
    application.managers.length > 0 && h('ul', { class: 'panel rows' }, application.managers.map(row)),
  );
}

async function assign(application, path, tools) {
  const words = t.managers;
  const assigned = new Set(application.managers.map((one) => one.user_id));
  const people = (await all('/users')).filter(
    (one) => one.enabled && one.organisation_id === application.organisation_id && !assigned.has(one.id),
  );
  if (people.length === 0) return nobodyLeft(application);
  const who = field(words.person, select(people.map((one) => [one.id, `${one.display_name} (${one.email})`])));
  const confirmed = field(words.confirmedBy, input({}), { advice: words.confirmedAdvice, longest: 120 });
  const send = async () => {
    if (!confirmed.text()) {
      confirmed.fail(words.confirmedMissing);
      return false;
    }
    const made = await post(path, { user_id: who.control.value, confirmed_by: confirmed.text() });
    dialog.close();
    toast(words.assigned(made.display_name));
    await tools.refresh();
    return true;
  };
  const dialog = openDialog({
    title: words.assignTitle,
    body: form({ fields: [who, confirmed], submit: words.assign, cancel: () => dialog.close(), send }),
  });
  who.control.focus();
  return undefined;
}

function nobodyLeft(application) {
  const words = t.managers;
  const close = () => dialog.close();
  const dialog = openDialog({
    title: words.assignTitle,
    kind: 'small',
    body: [
      h('p', {}, words.everybody(name(application.organisation_name))),
      h(
        'div',
        { class: 'actions' },
        h('a', { class: 'button primary', href: '#/people', onclick: close }, t.people.title),
        h('button', { type: 'button', class: 'button', onclick: close }, t.cancel),
      ),
    ],
  });
}

/** Disables or enables the whole application. */
export function switchButton(application, tools) {
  if (!isAdmin()) return null;
  const words = t.application;
  const problem = h('div', { role: 'alert' });
  const turn = async () => {
    const on = !application.enabled;
    const agreed = await confirm(
      on
        ? { title: words.enableTitle(application.name), yes: t.state.enable, body: h('p', {}, words.enableMeans) }
        : {
            title: words.disableTitle(application.name),
            yes: t.state.disable,
            danger: true,
            body: h('p', {}, words.disableMeans),
          },
    );
    if (!agreed) return;
    await guarded(problem, async () => {
      await patch(`/applications/${application.client_id}`, { enabled: on });
      toast(on ? t.state.nowEnabled(application.name) : t.state.nowDisabled(application.name));
      await tools.refresh();
    });
  };
  const kind = application.enabled ? 'button danger quiet' : 'button primary';
  return h(
    'div',
    {},
    h(
      'button',
      { type: 'button', class: kind, 'data-key': 'switch', onclick: turn },
      application.enabled ? words.disable : words.enable,
    ),
    problem,
  );
}
