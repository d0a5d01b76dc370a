-- Stores a recall, and publishes a notice of its new messages to its rooms. Nothing is written unless everything is allowed.
-- KEYS  1 recalled set   2, 3, 4 head, log and channel of the first room   5, 6, 7 and 8, 9, 10 of the next ones; the feed is
--       the last   for a recall in a topic: 11 recalled set of the group   12 topics of the group
-- ARGV  1 epoch for a log that has none   2 maximum length of a log   3 TTL of a log in ms   4 TTL of a head in ms
--       5 TTL of a recalled set in ms, '0' = forever   6 by how much logs and heads outlive their TTL in ms, so that
--       extending it is seldom due   7 '1' if the caller waits for replicas, else '0'
--       8 number of rooms   9 number of messages   10 time of the recall in ms
--       11 for an untimed recall: how close an earlier recall makes it a repeat, in ms; else -1
--       12 entry up to its messages   13 entry after its messages   14 signature of the entry with all its messages, '' = none
--       15 topic, '' = none   then for each message: seq, its part of the entry
-- Returns epoch and offset in each room, flat; of the feed only if the group has ended since the recall; empty when nothing
-- was new. Then '1' if something stored was unreadable, and is lost
local new_epoch, max_length, log_ttl, head_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local set_ttl, slack, waits = ARGV[5], ARGV[6], ARGV[7] == '1'
local rooms, count, at, repeat_window = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local before, after, signature, topic, first = ARGV[12], ARGV[13], ARGV[14], ARGV[15], 16
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- An error rolls nothing back, so a right that is missing must show before the first write. XADD and DEL are the first.
if redis.acl_check_cmd then
  local refused = not redis.acl_check_cmd('HSET', KEYS[2], 'epoch', '') and 'hset'
    or not redis.acl_check_cmd('ZADD', KEYS[1], '1', '1') and 'zadd'
    or not redis.acl_check_cmd('PEXPIRE', KEYS[1], '1') and 'pexpire'
    or not redis.acl_check_cmd('SPUBLISH', KEYS[4], '') and 'spublish'
    or set_ttl == '0' and not redis.acl_check_cmd('PERSIST', KEYS[1]) and 'persist'
    or topic ~= '' and not redis.acl_check_cmd('HSETNX', KEYS[12], topic, '') and 'hsetnx'
  if refused then
    return redis.error_reply(string.format("NOPERM this user has no permissions to run the '%s' command", refused))
  end
end

-- Whether XADD failed because of what is stored at the key, rather than because this server accepts no writes at all: out of
-- memory, a replica, a failing disk.
local function is_wrong_content(message)
  return string.find(message, '^WRONGTYPE') or string.find(message, 'equal or smaller', 1, true)
    or string.find(message, 'exhausted', 1, true)
end

local lost = false
local members = { 'ended' }
for i = 1, count do members[i + 1] = ARGV[first + 2 * (i - 1)] end
local known = content(redis.pcall('ZMSCORE', KEYS[1], unpack(members)))
if not known then
  -- Otherwise a recall that can never be stored would block all those queued behind it.
  redis.call('DEL', KEYS[1])
  known = {}
  lost = true
end
-- When the group was last dismissed. What was recalled until then belongs to a group that is no more.
local ended = time_of(known[1])
if topic ~= '' then
  local marks = content(redis.pcall('ZMSCORE', KEYS[11], 'ended'))
  ended = time_of(marks and marks[1])
end
local is_past = ended and at <= ended

local additions, messages, numbers = {}, {}, {}
for i = 1, count do
  local before_at = time_of(known[i + 1])
  if before_at and ended and before_at <= ended and not is_past then before_at = nil end
  -- An older time is old news, for example from a spool: it must not replace the newer one.
  local repeated = before_at and (before_at >= at or (repeat_window >= 0 and at - before_at < repeat_window))
  if not repeated then
    additions[#additions + 1] = ARGV[10]
    additions[#additions + 1] = members[i + 1]
    messages[#messages + 1] = ARGV[first + 2 * i - 1]
    numbers[#numbers + 1] = i - 1
  end
end
if #messages == 0 then
  -- WAIT confirms the latest write of the connection: without a write here, replicas would confirm what they may not have.
  if waits then
    if not content(redis.pcall('HMGET', KEYS[2], 'epoch')) then redis.call('DEL', KEYS[2]) end
    redis.call('HSETNX', KEYS[2], 'epoch', new_epoch)
    redis.call('PEXPIRE', KEYS[2], head_ttl)
  end
  return {}
end

local entry
if signature == '' then
  entry = before .. table.concat(messages, ',') .. after
else
  -- The signature covers the whole entry, so all messages stay in it; the indices of the new ones precede it.
  local all = {}
  for i = 1, count do all[i] = ARGV[first + 2 * i - 1] end
  local new = #messages == count and '' or table.concat(numbers, ',')
  entry = signature .. ':' .. new .. ':' .. before .. table.concat(all, ',') .. after
end

local room, positions = 0, {}
-- repeat 3 times, 3 keys on
room = room + 1
-- Those who listen to the rooms of a group that was dismissed, and made again, must not take the old seqs for theirs.
if room == rooms or (room < rooms and not is_past) then
  local head = content(redis.pcall('HMGET', KEYS[2], 'epoch', 'offset', 'prolong'))
  if not head then
    redis.call('DEL', KEYS[2])
    head = {}
    lost = true
  end
  local epoch, offset = position(head)
  if not epoch then
    epoch, offset, lost = new_epoch, 0, lost or head[1] or head[2]
  end
  offset = offset + 1
  local is_new = offset == 1
  -- The first offset starts a new numbering, which entries of a lost one must not mix with.
  if is_new then redis.call('DEL', KEYS[3]) end
  local id = string.format('%d-0', offset)
  local added = redis.pcall('XADD', KEYS[3], 'MAXLEN', max_length, id, 'r', entry)
  if type(added) == 'table' and added.err then
    if not is_wrong_content(added.err) then error(added) end
    -- The log is ahead of its head, or not a stream: its content belongs to no current numbering.
    epoch, is_new, lost = new_epoch, true, true
    redis.call('DEL', KEYS[3])
    redis.call('XADD', KEYS[3], id, 'r', entry)
  end
  -- When the TTLs must next be extended, in ms.
  local prolong = time_of(head[3]) or 0
  local is_due = is_new or prolong <= now or prolong > now + slack
  if is_due then prolong = now + slack end
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', string.format('%d', offset), 'prolong', string.format('%d', prolong))
  if is_due then
    redis.call('PEXPIRE', KEYS[3], log_ttl + slack)
    -- Scripts that only read a head set another TTL.
    redis.call('PEXPIRE', KEYS[2], head_ttl + slack)
  end
  positions[#positions + 1] = epoch
  positions[#positions + 1] = offset
end
-- end repeat

redis.call('ZADD', KEYS[1], unpack(additions))
-- With every recall: the group's head cannot tell when this is due, because recalls in topics extend it too.
if set_ttl == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], set_ttl) end
if topic ~= '' then
  if not content(redis.pcall('HSETNX', KEYS[12], topic, '')) then
    redis.call('DEL', KEYS[12])
    redis.call('HSETNX', KEYS[12], topic, '')
  end
  if set_ttl ~= '0' then redis.call('PEXPIRE', KEYS[12], set_ttl) end
end

local i = is_past and 2 * (1 - rooms) or 0
-- repeat 3 times, 3 keys on
if i >= 0 and i < #positions then
  -- A failure here must not fail the call, since the entry is stored. Nodes find it when they check the heads.
  redis.pcall('SPUBLISH', KEYS[4], string.format('%s:%d:', positions[i + 1], positions[i + 2]) .. entry)
end
i = i + 2
-- end repeat
if lost then positions[#positions + 1] = '1' end
return positions
