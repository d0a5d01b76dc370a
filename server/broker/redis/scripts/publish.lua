-- Stores recalls, one after the other, and publishes a notice of each that has new messages to its rooms.
-- KEYS  for each recall: recalled set, then for each room: head, log, channel
-- ARGV  1 epoch for a log that has none   2 maximum length of a log   3 TTL of a log in ms   4 TTL of a head in ms
--       5 TTL of a recalled set in ms, '0' = forever   6 by how much logs and heads outlive their TTL in ms, so that
--       extending it is seldom due   7 '1' if the caller waits for replicas, else '0'
--       then for each recall: number of rooms   number of messages   time of the recall in ms
--         for an untimed recall: how close an earlier recall makes it a repeat, in ms; else -1
--         entry up to its messages   entry after its messages   signature of the entry with all its messages, '' = none
--         then for each message: seq, its part of the entry
-- Returns for each recall the epoch and offset in each room, flat; empty when nothing was new. Ends early at a recall that
-- cannot be stored, and returns an error when that is the first.
local new_epoch, max_length, log_ttl, head_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local set_ttl, slack, waits = ARGV[5], ARGV[6], ARGV[7] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local heads = {}

-- Reads a key. A key of the wrong type is deleted and reads as empty: otherwise one recall that can never be stored would
-- block all those queued behind it.
local function read(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if not reply.err then return reply end
  if not string.find(reply.err, '^WRONGTYPE') then error(reply) end
  redis.call('DEL', key)
  return {}
end

-- Returns the head of a log: epoch, last offset, and in `prolong` when its TTLs must next be extended, in ms. Heads are read
-- once for all recalls of this call and written back at its end.
local function head_of(key)
  local head = heads[key]
  if head then return head end
  local fields = read('HMGET', key, 'epoch', 'offset', 'prolong')
  head = { epoch = fields[1] or new_epoch, offset = tonumber(fields[2] or '0'), prolong = tonumber(fields[3] or '0') }
  heads[key] = head
  return head
end

-- Returns whether XADD failed because of what is stored at the key, rather than because this server accepts no writes at
-- all: out of memory, a replica, a failing disk.
local function is_wrong_content(message)
  return string.find(message, '^WRONGTYPE') or string.find(message, 'equal or smaller', 1, true)
end

local function append(head, log, entry)
  local offset, epoch = head.offset + 1, head.epoch
  -- The first offset starts a new numbering, which entries of a lost one must not mix with.
  if offset == 1 then redis.call('DEL', log) end
  local id = string.format('%d-0', offset)
  local added = redis.pcall('XADD', log, 'MAXLEN', max_length, id, 'r', entry)
  local is_new = offset == 1
  if type(added) == 'table' and added.err then
    if not is_wrong_content(added.err) then error(added) end
    -- The log is ahead of its head, or not a stream: its content belongs to no current numbering.
    epoch, is_new = new_epoch, true
    redis.call('DEL', log)
    redis.call('XADD', log, id, 'r', entry)
  end
  head.offset, head.epoch, head.changed = offset, epoch, true
  if is_new or head.prolong <= now then
    head.prolong = now + slack
    redis.call('PEXPIRE', log, log_ttl + slack)
  end
end

-- Stores one recall and returns its positions. `k` and `a` are the indices before its first key and argument.
local function store(k, a)
  local set, at, repeat_window = KEYS[k + 1], ARGV[a + 3], tonumber(ARGV[a + 4])
  local rooms, count, first = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), a + 8
  local seqs = {}
  for i = 1, count do seqs[i] = ARGV[first + 2 * (i - 1)] end

  local known = read('ZMSCORE', set, unpack(seqs))
  local additions, messages, numbers = {}, {}, {}
  for i = 1, count do
    local score = known[i] and tonumber(known[i])
    local repeated = score and (score == tonumber(at) or (repeat_window >= 0 and at - score < repeat_window))
    if not repeated then
      additions[#additions + 1] = at
      additions[#additions + 1] = seqs[i]
      messages[#messages + 1] = ARGV[first + 2 * i - 1]
      numbers[#numbers + 1] = i - 1
    end
  end
  if #messages == 0 then
    -- WAIT confirms the latest write of the connection: without a write here, replicas would confirm what they may not have.
    if waits then
      head_of(KEYS[k + 2])
      redis.call('HSETNX', KEYS[k + 2], 'epoch', new_epoch)
      redis.call('PEXPIRE', KEYS[k + 2], head_ttl)
    end
    return {}
  end

  local before, after, signature = ARGV[a + 5], ARGV[a + 6], ARGV[a + 7]
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
  local positions = {}
  for i = k + 2, k + 3 * rooms - 1, 3 do
    local head = head_of(KEYS[i])
    append(head, KEYS[i + 1], entry)
    -- A failure here must not fail the call, since the entry is stored. Nodes find it when they check the heads.
    redis.pcall('SPUBLISH', KEYS[i + 2], string.format('%s:%d:', head.epoch, head.offset) .. entry)
    positions[#positions + 1] = head.epoch
    positions[#positions + 1] = head.offset
  end
  -- Last, because an error rolls nothing back, and a message in this set is never delivered again.
  redis.call('ZADD', set, unpack(additions))
  -- With every recall: the group's head cannot tell when this is due, because recalls in topics extend it too.
  if set_ttl == '0' then redis.call('PERSIST', set) else redis.call('PEXPIRE', set, set_ttl) end
  return positions
end

local results, failure = {}, nil
local k, a = 0, 7
while a < #ARGV do
  local ok, result = pcall(store, k, a)
  if not ok then
    failure = result
    break
  end
  results[#results + 1] = result
  k = k + 1 + 3 * ARGV[a + 1]
  a = a + 7 + 2 * ARGV[a + 2]
end
for key, head in pairs(heads) do
  if head.changed then
    redis.call('HSET', key, 'epoch', head.epoch, 'offset', string.format('%d', head.offset),
      'prolong', string.format('%d', head.prolong))
    -- Only for a head whose extension was due just now. Scripts that only read a head set another TTL.
    if head.prolong == now + slack then redis.call('PEXPIRE', key, head_ttl + slack) end
  end
end
if failure and #results == 0 then
  return type(failure) == 'table' and failure or redis.error_reply(tostring(failure))
end
return results
