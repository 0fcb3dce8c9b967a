// An organisation's policy, set by the WMDA team: lifetime, number and kinds of credentials.

import { get, patch } from './api.js';
import { openDialog } from './dialogs.js';
import { h, replace } from './dom.js';
import { field, form, input, select } from './forms.js';
import { guarded } from './lists.js';
import { toast } from './notices.js';
import { fact } from './secrets.js';
import { isAdmin } from './session.js';
import { t } from './texts.js';

const words = t.policy;

/** A section that fetches the policy itself. */
export function policySection(organisationId, signal) {
  const path = `/organisations/${organisationId}/policy`;
  const [place, problem] = [h('div', { class: 'cards' }), h('div', { role: 'alert' })];
  const refresh = async () => {
    const policy = await get(path, { signal });
    replace(place, shown(policy), isAdmin() && changeButton(() => ask(path, policy, refresh)));
  };
  guarded(problem, refresh);
  return h('section', {}, h('div', { class: 'section-head' }, h('h2', {}, words.title)), problem, place);
}

const changeButton = (onclick) =>
  h(
    'div',
    { class: 'row' },
    h('button', { type: 'button', class: 'button', 'data-key': 'policy', onclick }, words.change),
  );

const yesNo = (value) => (value ? words.yes : words.no);

function shown(policy) {
  return h(
    'dl',
    { class: 'panel facts wide' },
    fact(words.longest, policy.max_lifetime_days ? words.days(policy.max_lifetime_days) : words.unlimited),
    fact(words.most, policy.max_live_secrets ?? words.unlimited),
    fact(words.keysOnly, yesNo(policy.keys_only)),
    fact(words.selfRotation, words.rotations[policy.self_rotation] ?? String(policy.self_rotation)),
    fact(words.networks, yesNo(policy.networks_required)),
    fact(words.onLeak, words.leaks[policy.on_leak] ?? policy.on_leak),
  );
}

const check = (label, checked) => {
  const box = h('input', { type: 'checkbox', checked });
  return [h('label', { class: 'check' }, box, h('span', {}, label)), box];
};

function choice(label, options, value) {
  const element = field(label, select(Object.entries(options)));
  element.control.value = value;
  return element;
}

function ask(path, policy, refresh) {
  const number = (label, value) =>
    field(label, input({ type: 'number', min: '1', value: value ?? '' }), { optional: true });
  const longest = number(words.longest, policy.max_lifetime_days);
  const most = number(words.most, policy.max_live_secrets);
  const [keysOnly, keysOnlyBox] = check(words.keysOnly, policy.keys_only);
  const [networks, networksBox] = check(words.networks, policy.networks_required);
  const rotation = choice(words.selfRotation, words.rotations, policy.self_rotation);
  const leak = choice(words.onLeak, words.leaks, policy.on_leak);
  const given = (element) => (element.text() ? Number(element.text()) : null);
  const send = async () => {
    await patch(path, {
      max_lifetime_days: given(longest),
      max_live_secrets: given(most),
      keys_only: keysOnlyBox.checked,
      networks_required: networksBox.checked,
      self_rotation: rotation.control.value,
      on_leak: leak.control.value,
    });
    dialog.close();
    toast(t.saved);
    await refresh();
    return true;
  };
  const fields = [longest, most, keysOnly, networks, rotation, leak];
  const dialog = openDialog({
    title: words.title,
    body: form({ fields, submit: t.save, cancel: () => dialog.close(), send }),
  });
  longest.control.focus();
}
