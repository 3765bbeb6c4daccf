-- printable(value)
--
-- A text of somebody else's made fit for one line of a terminal or a log: control characters, line breaks, marks that
-- change the direction of writing and characters without a width become blanks.
--
-- Returns      text; null stays null
create or replace function flex_sync.printable(value text)
returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return regexp_replace(
    printable.value,
    '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+', ' ', 'g'
  );
end
$$;
comment on function flex_sync.printable(text) is 'A text of somebody else''s made fit for one line of a terminal or a log.';
