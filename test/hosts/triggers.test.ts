import { test } from "vitest";
import { AUDITED_TABLES } from "./audited-tables.ts";
import { liveThrough } from "./live-through.ts";

/** Stamps, a history, a statement trigger, a deferred constraint, and a notification to the app. */
const TRIGGERS = `
  alter table flex_crew_assignments add column updated_at timestamptz not null default now();
  create table crew_history (id bigint generated always as identity, at timestamptz default now(), what text, old_row jsonb, new_row jsonb);
  create function stamp() returns trigger language plpgsql as $$ begin new.updated_at := now(); return new; end $$;
  create function remember() returns trigger language plpgsql as $$
  begin
    insert into crew_history (what, old_row, new_row)
    values (tg_op, case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end);
    return null;
  end $$;
  create function tell() returns trigger language plpgsql as $$ begin perform pg_notify('crew', tg_op); return null; end $$;
  create function has_its_person() returns trigger language plpgsql as $$
  begin
    if not exists (select from profiles where id = new.technician_id) then raise exception 'nobody'; end if;
    return null;
  end $$;
  create trigger stamp before insert or update on flex_crew_assignments for each row execute function stamp();
  create trigger remember after insert or update or delete on flex_crew_assignments for each row execute function remember();
  create trigger tell after insert or update or delete on flex_crew_assignments for each statement execute function tell();
  create constraint trigger has_its_person after insert or update on flex_crew_assignments deferrable initially deferred
    for each row execute function has_its_person();
  create trigger flex_crew_calls_tell after update on flex_crew_calls for each statement execute function tell();
  alter table flex_crew_assignments disable trigger tell;`;

test("the host's triggers on the tables go on, and stay as they are", () =>
  liveThrough({ tables: AUDITED_TABLES + TRIGGERS, writes: ["row crew_history"] }));
