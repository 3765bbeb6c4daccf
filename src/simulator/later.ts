/** Things that happen later: timers that end with the simulator, requests that wait, effects that come late. */
export class Later {
  #timers = new Set<NodeJS.Timeout>();
  #waiting: (() => void)[] = [];
  #effects: (() => void)[] = [];

  after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  sleep(ms: number): Promise<void> {
    return ms <= 0 ? Promise.resolve() : new Promise((resolve) => this.after(ms, resolve));
  }

  /** Resolves at the next `release`. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Keeps an effect until `applyLate`. */
  keep(effect: () => void): void {
    this.#effects.push(effect);
  }

  /** Lets all kept effects happen and says how many they were. */
  applyLate(): number {
    const effects = this.#effects.splice(0);
    for (const effect of effects) effect();
    return effects.length;
  }

  /** Forgets everything: what waits never goes on. */
  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#waiting = [];
    this.#effects = [];
  }
}
