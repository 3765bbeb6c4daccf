/** A sleep that anybody can end: a notification, an operation that ended, a signal to stop. */
export type WakeUp = {
  /** End the sleep, or the next one if nobody sleeps. */
  wake(): void;
  /** Sleep until woken, or for at most this many milliseconds. */
  sleep(ms: number): Promise<void>;
};

export function createWakeUp(): WakeUp {
  let woken = false;
  let end: (() => void) | undefined;
  return {
    wake() {
      woken = true;
      end?.();
    },
    async sleep(ms) {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          end = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        end = undefined;
      }
      woken = false;
    },
  };
}
