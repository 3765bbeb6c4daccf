-- doubt_element(flex_element_id, reason, error)
--
-- A reading cannot be trusted: nothing is written on this element until a good one.
--
-- Writes       elements
create or replace function flex_sync.doubt_element(flex_element_id text, reason text, error text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, flex_sync, pg_temp
as $$
begin
  update elements
  set doubt_reason = doubt_element.reason, doubt_error = doubt_element.error, doubt_at = clock()
  where elements.flex_element_id = doubt_element.flex_element_id;
end
$$;
comment on function flex_sync.doubt_element(text, text, text) is 'A reading cannot be trusted: nothing is written on this element until a good one.';
