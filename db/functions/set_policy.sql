-- set_policy(crew_call_id, policy)
--
-- What may be deleted on one crew call; null returns to settings.policy. A reading plans anew under it.
--
-- Parameters   crew_call_id   flex_crew_calls.id
--              policy         mirror | owned | add_only | report | null
-- Errors       NOCAL   no crew call has this id
--              NOPOL   no such policy
-- Writes       crew_call_settings, due_elements, operator_log; nothing where it is so already
create or replace function flex_sync.set_policy(crew_call_id uuid, policy text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
set jit = off
as $$
declare
  v_element constant text := crew_call_or_raise(set_policy.crew_call_id);
  v_was text;
begin
  perform from crew_calls where crew_calls.id = set_policy.crew_call_id;
  if not found then
    raise exception 'crew call % is gone', set_policy.crew_call_id
      using errcode = 'NOCAL', hint = 'What is left on its element is ours to clean up: there the policy is owned, whatever was set.';
  end if;
  if set_policy.policy not in ('mirror', 'owned', 'add_only', 'report') then
    raise exception 'no policy is called %', printable(left(set_policy.policy, 100))
      using errcode = 'NOPOL', hint = 'mirror, owned, add_only or report; null returns to flex_sync.settings.policy.';
  end if;
  select crew_call_settings.policy into v_was from crew_call_settings where crew_call_settings.crew_call_id = set_policy.crew_call_id for update;
  if v_was is not distinct from set_policy.policy then
    return;
  end if;
  insert into crew_call_settings (crew_call_id, policy)
  values (set_policy.crew_call_id, set_policy.policy)
  on conflict on constraint crew_call_settings_pkey do update
  set policy = excluded.policy;
  perform log_operator('set_policy', jsonb_build_object('crew_call_id', set_policy.crew_call_id, 'was', v_was, 'is', set_policy.policy));
  perform note_element(v_element, 'the policy changed', true);
end
$$;
comment on function flex_sync.set_policy(uuid, text) is 'What may be deleted on one crew call; null returns to the setting.';
