/** `DELETE /v1/left-folders`. */
export interface LeftFolderResponse {
  readonly ok: true
  /** Whether it was known that somebody had left the folder. */
  readonly forgotten: boolean
}
