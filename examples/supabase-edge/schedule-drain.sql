-- Let pg_cron ask the Edge Function drain-flex-crew: every ten seconds while something is due, and once a minute in any
-- case, for notes that triggers left and for what has to be trimmed. Needs the extensions pg_cron and pg_net, and two
-- secrets in the vault:
--   select vault.create_secret('https://PROJECT.supabase.co/functions/v1/drain-flex-crew', 'flex_crew_sync_drain_url');
--   select vault.create_secret('what DRAIN_SECRET of the function says', 'flex_crew_sync_drain_secret');
-- To end it: select cron.unschedule('flex-crew-sync drain'), cron.unschedule('flex-crew-sync tidy');

select cron.schedule('flex-crew-sync drain', '10 seconds', $$
  select net.http_post(
    url := (select decrypted_secret from vault.decrypted_secrets where name = 'flex_crew_sync_drain_url'),
    headers := jsonb_build_object(
      'content-type', 'application/json',
      'x-drain-secret', (select decrypted_secret from vault.decrypted_secrets where name = 'flex_crew_sync_drain_secret')
    ),
    body := '{}'::jsonb,
    timeout_milliseconds := 60000
  )
  where flex_sync.next_work_at() <= flex_sync.clock()
$$);

select cron.schedule('flex-crew-sync tidy', '* * * * *', $$
  select net.http_post(
    url := (select decrypted_secret from vault.decrypted_secrets where name = 'flex_crew_sync_drain_url'),
    headers := jsonb_build_object(
      'content-type', 'application/json',
      'x-drain-secret', (select decrypted_secret from vault.decrypted_secrets where name = 'flex_crew_sync_drain_secret')
    ),
    body := '{}'::jsonb,
    timeout_milliseconds := 60000
  )
$$);
