-- who_acts()
--
-- Who is behind this session, for traces: the user that logged in, the role it took on (an API gateway takes one on for
-- each request), and the subject of the request's token where there is one. Not current_user: inside a function that
-- runs with its owner's rights, that is the owner.
--
-- Returns      text, such as "ana", "authenticator as flex_sync_operator (sub 7f…)"
create or replace function flex_sync.who_acts()
returns text
language plpgsql
stable
set search_path = pg_catalog, flex_sync, pg_temp
as $$
declare
  v_role constant text := nullif(current_setting('role', true), 'none');
  v_subject text;
begin
  begin
    v_subject := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';
  exception
    when others then
      v_subject := null;
  end;
  return session_user
    || coalesce(' as ' || nullif(v_role, session_user), '')
    || coalesce(' (sub ' || left(printable(v_subject), 100) || ')', '');
end
$$;
comment on function flex_sync.who_acts() is 'Who is behind this session, for traces: user, role taken on, subject of the request''s token.';
