// Node's own EventSource (node --experimental-eventsource): prints each notification as a line.
const source = new EventSource(process.argv[2]);
source.onmessage = (event) => {
  console.log(JSON.stringify({ id: event.lastEventId, data: event.data }));
};
