const SLOTS = 16_384
/** x^16 + x^12 + x^5 + 1. */
const POLYNOMIAL = 0x1021

/**
 * Returns the slot of a key in a Redis Cluster: CRC16 (XMODEM) of its hash tag, or of the whole key. Computed here because
 * the command for it would need a permission that nothing else needs.
 * Source: Redis Cluster Specification, "Key distribution model".
 */
export function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(hashTagOf(key))) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ POLYNOMIAL) & 0xffff : (crc << 1) & 0xffff
  }
  return crc % SLOTS
}

/** What stands between the first `{` and the next `}`, unless it is empty. */
const hashTagOf = (key: string): string => /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key
