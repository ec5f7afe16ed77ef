-- One update, all of it or nothing.
-- KEYS: the view's epoch, the outbox, the keys that are checked (those to be written come first), then
--       keys that are written unchecked.
-- ARGV: the epoch expected, the number of checked keys, how many of these are written, the expected
--       version of each checked key, the values in the order of their keys, the changes.
-- Returns 'ok', 'conflict' (a record is no longer as it was read) or 'epoch' (Redis lost its data).
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
local checked, written = tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 1, checked do
  if redis.call('GETRANGE', KEYS[2 + i], 0, 7) ~= ARGV[3 + i] then return 'conflict' end
end
local value = 3 + checked
for i = 3, #KEYS do
  if i <= 2 + written or i > 2 + checked then
    value = value + 1
    redis.call('SET', KEYS[i], ARGV[value])
  end
end
for i = value + 1, #ARGV do redis.call('XADD', KEYS[2], '*', 'change', ARGV[i]) end
return 'ok'
