/** Where models come from, and what is kept of them on the device. */

/** The hub that repositories are loaded from. */
export interface HubOptions {
  /** Where the hub is; a mirror works too. Default `"https://huggingface.co"`. */
  readonly endpoint?: string;
  /**
   * An access token, for private and gated repositories. It is sent to the endpoint's own origin and to no other, and is neither
   * kept nor part of any message. Only over https, or to this machine.
   */
  readonly token?: string;
}

/**
 * What becomes of downloaded files. `"auto"`: they are kept in the origin private file system, checked, and read from there the next time,
 * without a connection too. `"none"`: nothing is kept or looked up. `maxBytes`: as `"auto"`, but with at most so many bytes kept; the models that
 * were used least recently go first. Default `"auto"`.
 */
export type CacheOption = "auto" | "none" | { readonly maxBytes: number };
