-- Precedes every script. What is stored may have been written by others: what no script can have written counts as lost, so
-- that a spoiled key costs what it held, and never blocks what comes after it. A log whose head is lost starts over under a
-- new epoch.

-- Returns the reply, or nil for a key of the wrong type. Any other error ends the script.
local function content(reply)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not string.find(reply.err, '^WRONGTYPE') then error(reply) end
end

-- The offset after the last one still has 15 digits, and is exact in Lua.
local END_OF_OFFSETS = 999999999999999

-- Returns epoch and last offset from these fields of a head; nothing if the head is new or lost.
local function position(fields)
  local epoch, offset = fields[1], fields[2] or '0'
  if not epoch or #epoch > 64 or not string.find(epoch, '^[%w_-]+$') then return end
  if #offset > 15 or not string.find(offset, '^%d+$') or tonumber(offset) >= END_OF_OFFSETS then return end
  return epoch, tonumber(offset)
end

-- Returns a score, or a number in a head, as a time in ms; nil for none, and for one that no script wrote.
local function time_of(text)
  local ms = text and tonumber(text)
  return ms and ms >= -8.64e15 and ms <= 8.64e15 and ms or nil
end
