/**
 * An error that this project raises on purpose.
 *
 * `code` is five capital letters, stable, and what programs and tests compare; `hint` says what to do about it.
 */
export class FlexCrewSyncError extends Error {
  override readonly name: string = "FlexCrewSyncError";
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** A setting is missing or cannot be right. Its value is shown only where it cannot be a secret. */
export class ConfigurationError extends FlexCrewSyncError {
  override readonly name: string = "ConfigurationError";
}
