// A phone in a page: JsSIP, steered by the test that serves the page. It is told what to do by GET /told and says what
// happens by POST /said, each a JSON text. It knows no more of the switch than any page does.
const JsSIP = require('jssip');

let saying = Promise.resolve();

// One after the other, so that the test reads events in their order.
function say(event, rest) {
  saying = saying.then(() => fetch('/said', { method: 'POST', body: JSON.stringify({ event, ...rest }) }));
}

// The microphone as it is: what cleans up a voice would take a tone for noise.
const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const media = { mediaConstraints: { audio: raw, video: false }, pcConfig: { iceServers: [] } };

let ua;
let session;
let analyser;
const remote = new Audio();
remote.autoplay = true;

const verbs = {
  register({ user, password, server }) {
    const socket = new JsSIP.WebSocketInterface(`wss://${server}/`);
    const uri = `sip:${user}@${server}`;
    ua = new JsSIP.UA({ sockets: [socket], uri, password, session_timers: false, register_expires: 300 });
    ua.on('connected', () => say('connected'));
    ua.on('disconnected', ({ code, reason }) => say('disconnected', { code, reason }));
    ua.on('registered', () => say('registered'));
    ua.on('unregistered', () => say('unregistered'));
    ua.on('registrationFailed', ({ cause }) => say('refused', { cause }));
    ua.on('newRTCSession', take);
    ua.start();
  },
  unregister() {
    ua.unregister();
  },
  dial({ uri }) {
    ua.call(uri, media);
  },
  press({ key }) {
    session.sendDTMF(key, { transportType: 'RFC2833' });
  },
  hold() {
    session.hold();
  },
  resume() {
    session.unhold();
  },
  hang_up() {
    session.terminate();
  },
  listen() {
    say('level', { peak: peak() });
  },
};

function take({ session: newer, originator }) {
  session = newer;
  session.on('peerconnection', ({ peerconnection }) => attend(peerconnection));
  if (session.connection) attend(session.connection);
  session.on('accepted', () => say('accepted'));
  session.on('confirmed', () => say('confirmed'));
  session.on('failed', ({ cause, message }) => say('failed', { cause, status: message && message.status_code }));
  session.on('ended', ({ cause }) => say('ended', { cause }));
  if (originator === 'remote') {
    say('called');
    session.answer(media);
  }
}

function attend(peer) {
  peer.addEventListener('connectionstatechange', () => say('peer', { state: peer.connectionState }));
  peer.addEventListener('track', ({ track }) => {
    const stream = new MediaStream([track]);
    remote.srcObject = stream; // Chromium gives WebAudio nothing of a stream that nobody plays
    const audio = new AudioContext();
    analyser = audio.createAnalyser();
    analyser.fftSize = 8192;
    analyser.smoothingTimeConstant = 0;
    audio.createMediaStreamSource(stream).connect(analyser);
  });
}

// The loudest frequency of what is heard, and how loud it is.
function peak() {
  if (!analyser) return null;
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const loudest = bins.reduce((best, level, bin) => (level > bins[best] ? bin : best), 0);
  return { hz: (loudest * analyser.context.sampleRate) / analyser.fftSize, db: Math.max(bins[loudest], -200) };
}

async function obey() {
  for (;;) {
    const answer = await fetch('/told');
    if (answer.status !== 200) continue;
    const told = await answer.json();
    try {
      verbs[told.verb](told);
    } catch (why) {
      say('fault', { why: String(why) });
    }
  }
}

window.addEventListener('error', ({ message }) => say('fault', { why: message }));
obey();
