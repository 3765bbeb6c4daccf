/** How the daemon shows itself over HTTP. */
export type FaceSettings = {
  /** 0 lets the system choose. */
  port: number;
  host: string;
  /** Whoever shows it may read; without one only this machine may. */
  statusToken: string | undefined;
  /** Whether the page has buttons. */
  actions: boolean;
};

/** Whether a name or address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return (
    /^localhost$/i.test(host) || /^127(\.\d{1,3}){3}$/.test(host) || /^(::1|0:0:0:0:0:0:0:1)$/.test(host)
  );
}
