import { roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

/** Admins see who recalled and from where, members do not: the two stand in separate Socket.IO rooms. */
export type Face = 'admin' | 'member'

export const FACES: readonly Face[] = ['admin', 'member']

/** The Socket.IO room of one face of a room. */
export const faceRoom = (face: Face, room: Room): string => `${face}/${roomName(room)}`
