/** A budget for memory that is never used up. */
export const UNPRESSED = { add: () => undefined, grew: () => undefined, isPressed: () => false }
