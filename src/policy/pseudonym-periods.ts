/** What `pseudonyms: rolling` means where it does not say, in days. */
export const DEFAULT_ROLLING_DAYS = 30

/** Days by which the end of what is kept can be rounded up: to the end of a month, and of the one after it. */
export const ROUNDING_DAYS = 62
