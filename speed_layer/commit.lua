-- Several independent updates, each of them all or nothing.
-- KEYS: the view's epoch, the outbox. ARGV: the epoch expected, the view's prefix, and then for each update
--         four counts: the keys that it rests on, values, strings that tell of ids, changes
--         the keys, those that it writes first
--         the version of each as it was read, empty for none
--         the new values, in the order of the keys
--         key, field and value of ids, in turn
--         changes for the outbox
-- Returns 'epoch' where Redis lost its data, else for each update 1 (done) or 0 (conflict: a record is no
-- longer as it was read).
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
local call, prefix, outcomes, told, at = redis.call, ARGV[2], {}, {}, 3
-- A far link is a field of its holder's hash: its key ends with the other end's hash, 16 bytes.
local function known(key)
  if string.byte(key) ~= 101 then return call('GETRANGE', prefix .. key, '0', '7') end
  return string.sub(call('HGET', prefix .. string.sub(key, 1, -17), string.sub(key, -16)) or '', 1, 8)
end
local function write(key, value)
  if string.byte(key) ~= 101 then return call('SET', prefix .. key, value) end
  call('HSET', prefix .. string.sub(key, 1, -17), string.sub(key, -16), value)
end
while at <= #ARGV do
  local keys, values = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local ids, changes = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local key = at + 3
  local version = key + keys
  local value = version + keys
  local id = value + values
  local change = id + ids
  local fresh = 1
  for i = 1, keys do
    if known(ARGV[key + i]) ~= ARGV[version + i] then
      fresh = 0
      break
    end
  end
  if fresh == 1 then
    for i = 1, values do write(ARGV[key + i], ARGV[value + i]) end
    for i = 1, ids, 3 do call('HSET', ARGV[id + i], ARGV[id + i + 1], ARGV[id + i + 2]) end
    for i = 1, changes do
      told[#told + 1] = ARGV[change + i]
      told[#told + 1] = ''
    end
  end
  outcomes[#outcomes + 1] = fresh
  at = change + changes + 1
end
-- One entry for all changes, as far as Lua's stack takes it; each is a field, for a client keeps these apart.
for i = 1, #told, 1000 do call('XADD', KEYS[2], '*', unpack(told, i, math.min(i + 999, #told))) end
return outcomes
