/** Asked right before the first byte of each request of a claim. */
export type SendGate = {
  beforeFirstByte: () => boolean;
  /** Whether it ever said no: then it is not Flex's doing that nothing was sent. */
  wasShut: () => boolean;
};

export function createSendGate(maySend: () => boolean): SendGate {
  let shut = false;
  return {
    beforeFirstByte() {
      if (!maySend()) shut = true;
      return !shut;
    },
    wasShut: () => shut,
  };
}
