/** A clock that moves only when it is told to, in milliseconds since 1970. */
export type VirtualTime = {
  now(): number;
  /** To this moment, never backwards. */
  moveTo(ms: number): void;
};

const BEGINNING = Date.UTC(2030, 0, 1);

export function createVirtualTime(): VirtualTime {
  let now = BEGINNING;
  return {
    now: () => now,
    moveTo(ms) {
      now = Math.max(now, Math.ceil(ms));
    },
  };
}

/**
 * SQL that makes a database ask a session's own settings for the time, `model.now` and `model.started_at`: moving the
 * clock is then one `set`, not a replaced function, and no statement has to be planned anew.
 */
export const CLOCK_FROM_SETTINGS = `
  create or replace function flex_sync.clock() returns timestamptz language sql volatile
    as $$ select pg_catalog.current_setting('model.now')::pg_catalog.timestamptz $$;
  create or replace function flex_sync.server_started_at() returns timestamptz language sql volatile
    as $$ select pg_catalog.current_setting('model.started_at')::pg_catalog.timestamptz $$;`;
