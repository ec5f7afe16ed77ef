-- Note how far a view has come. Never backwards: a worker that was frozen may come late.
-- KEYS: epoch, offsets, through. ARGV: the epoch expected, the run of Redis that the view was found in,
--       through, then field and offset in turn.
-- Returns 'epoch' where Redis lost its data, or was started again since: then it may have lost commits of
-- this very batch, which a client that connects again by itself does not notice.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. ARGV[2], 1, true) then return 'epoch' end
for i = 4, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or '-1')
  if tonumber(ARGV[i + 1]) > known then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[3]) or '-1') then
  redis.call('SET', KEYS[3], ARGV[3])
end
return 'ok'
