-- Several independent updates, each of them all or nothing.
-- KEYS: the view's epoch, the outbox. ARGV: the epoch expected, the view's prefix, the root of keys that
--       are of no view, and then for each update
--         four counts: the keys that it rests on, values, unchecked strings, changes
--         the keys, those that it writes first
--         the version of each as it was read, empty for none
--         the new values, in the order of the keys
--         keys and values that are written unchecked, in turn, below the root
--         changes for the outbox
-- Returns 'epoch' where Redis lost its data, else for each update 1 (done) or 0 (conflict: a record is no
-- longer as it was read).
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
local prefix, root, outcomes, at = ARGV[2], ARGV[3], {}, 4
while at <= #ARGV do
  local keys, values = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local loose, changes = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local key = at + 3
  local version = key + keys
  local value = version + keys
  local other = value + values
  local change = other + loose
  local fresh = 1
  for i = 1, keys do
    if redis.call('GETRANGE', prefix .. ARGV[key + i], 0, 7) ~= ARGV[version + i] then
      fresh = 0
      break
    end
  end
  if fresh == 1 then
    for i = 1, values do redis.call('SET', prefix .. ARGV[key + i], ARGV[value + i]) end
    for i = 1, loose, 2 do redis.call('SET', root .. ARGV[other + i], ARGV[other + i + 1]) end
    for i = 1, changes do redis.call('XADD', KEYS[2], '*', 'change', ARGV[change + i]) end
  end
  outcomes[#outcomes + 1] = fresh
  at = change + changes + 1
end
return outcomes
