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

// By user: each has a user agent, and of each of its calls the session and what is heard in it, the latest last.
const phones = {};
let user; // who registered last: of whom is spoken where nobody is named

const verbs = {
  register({ user: name, password, server }) {
    user = name;
    const socket = new JsSIP.WebSocketInterface(`wss://${server}/`);
    const uri = `sip:${name}@${server}`;
    const ua = new JsSIP.UA({ sockets: [socket], uri, password, session_timers: false, register_expires: 300 });
    const phone = { user, ua, calls: [] };
    phones[user] = phone;
    ua.on('connected', () => say('connected', { user: name }));
    ua.on('disconnected', ({ code, reason }) => say('disconnected', { user: name, code, reason }));
    ua.on('registered', () => say('registered', { user: name }));
    ua.on('unregistered', () => say('unregistered', { user: name }));
    ua.on('registrationFailed', ({ cause }) => say('refused', { user: name, cause }));
    ua.on('newRTCSession', (event) => take(phone, event));
    ua.start();
  },
  unregister({ phone }) {
    phone.ua.unregister();
  },
  dial({ phone, uri }) {
    phone.ua.call(uri, media);
  },
  press({ call, key }) {
    call.session.sendDTMF(key, { transportType: 'RFC2833' });
  },
  hold({ call }) {
    call.session.hold();
  },
  resume({ call }) {
    call.session.unhold();
  },
  hang_up({ call }) {
    call.session.terminate();
  },
  // The party of the first call is to talk with that of the last.
  join({ phone, call, uri }) {
    const eventHandlers = {
      accepted: () => say('joined'),
      failed: () => say('not joined'),
    };
    phone.calls[0].session.refer(uri, { replaces: call.session, eventHandlers });
  },
  listen({ call }) {
    say('level', { peak: peak(call && call.analyser) });
  },
};

function take(phone, { session, originator }) {
  const call = { session };
  const { user: name } = phone;
  phone.calls.push(call);
  session.on('peerconnection', ({ peerconnection }) => attend(call, peerconnection));
  if (session.connection) attend(call, session.connection);
  session.on('accepted', () => say('accepted', { user: name }));
  session.on('confirmed', () => say('confirmed', { user: name }));
  session.on('failed', ({ cause, message }) => {
    say('failed', { user: name, cause, status: message && message.status_code });
  });
  session.on('ended', ({ cause }) => say('ended', { user: name, cause }));
  if (originator === 'remote') {
    say('called', { user: name });
    session.answer(media);
  }
}

function attend(call, peer) {
  peer.addEventListener('connectionstatechange', () => say('peer', { state: peer.connectionState }));
  peer.addEventListener('track', ({ track }) => {
    const stream = new MediaStream([track]);
    call.speaker = new Audio(); // Chromium gives WebAudio nothing of a stream that nobody plays
    call.speaker.autoplay = true;
    call.speaker.srcObject = stream;
    const audio = new AudioContext();
    call.analyser = audio.createAnalyser();
    call.analyser.fftSize = 8192;
    call.analyser.smoothingTimeConstant = 0;
    audio.createMediaStreamSource(stream).connect(call.analyser);
  });
}

// The loudest frequency of what is heard, and how loud it is.
function peak(analyser) {
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
      const phone = phones[told.user || user];
      verbs[told.verb]({ ...told, phone, call: phone && phone.calls.at(-1) });
    } catch (why) {
      say('fault', { why: String(why) });
    }
  }
}

window.addEventListener('error', ({ message }) => say('fault', { why: message }));
obey();
