/** A public key with which files of evidence are checked. */
interface EvidencePublicKey {
  /** As in the last line of a file that it signed. */
  readonly id: string
  /** Its 32 bytes in Base64. */
  readonly publicKey: string
}

/** `GET /v1/evidence-key`. */
export interface EvidenceKeyResponse {
  readonly ok: true
  /** The first one signs. */
  readonly keys: readonly EvidencePublicKey[]
}
