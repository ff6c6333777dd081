//! One band of G.722: a quantizer whose step adapts, and a predictor of two poles and six zeros (clauses 3.4 to 3.6).
//!
//! Where it stands: encoder and decoder each have two; both run the very same arithmetic, so that they stay in step.

/// What differs between the bands.
#[derive(Debug)]
pub(super) struct Kind {
    /// What a code means, in steps of 2^-15.
    quants: &'static [i32],
    /// How a code changes the logarithm of the step.
    growth: &'static [i32],
    /// The largest logarithm of the step, and how far its exponent is from it.
    nb_max: i32,
    exponent: i32,
    step_first: i32,
}

/// The lower band: four of the six bits steer it (tables 17 and 15, W_L by RL4).
pub(super) static LOW: Kind = Kind {
    quants: &[0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0],
    growth: &[-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60],
    nb_max: 18432,
    exponent: 8,
    step_first: 32,
};

/// The higher band: two bits (tables 19 and 21, W_H by IH2).
pub(super) static HIGH: Kind = Kind {
    quants: &[-7408, -1616, 7408, 1616],
    growth: &[798, -214, 798, -214],
    nb_max: 22528,
    exponent: 10,
    step_first: 8,
};

/// One band's memory.
#[derive(Clone, Debug)]
pub(super) struct Band {
    kind: &'static Kind,
    /// The step (DETL, DETH) and its logarithm (NBL, NBH).
    step: i32,
    nb: i32,
    /// The predicted sample (SL, SH) and the zeros' part of it (SZ).
    s: i32,
    sz: i32,
    /// The last two reconstructed signals, and partly reconstructed ones, newest first.
    r: [i32; 2],
    p: [i32; 2],
    /// Coefficients of the poles.
    a: [i32; 2],
    /// The last six differences, newest first, and the coefficients of the zeros.
    d: [i32; 6],
    b: [i32; 6],
}

impl Band {
    pub fn new(kind: &'static Kind) -> Band {
        Band { kind, step: kind.step_first, nb: 0, s: 0, sz: 0, r: [0; 2], p: [0; 2], a: [0; 2], d: [0; 6], b: [0; 6] }
    }

    /// What the predictor expects.
    #[inline]
    pub fn estimate(&self) -> i32 {
        self.s
    }

    #[inline]
    pub fn step(&self) -> i32 {
        self.step
    }

    /// How far a code is from the estimate.
    #[inline]
    pub fn difference(&self, code: usize) -> i32 {
        scaled(self.step, self.kind.quants[code])
    }

    /// Learns from a code.
    #[inline]
    pub fn adapt(&mut self, code: usize) {
        let difference = self.difference(code);
        self.adapt_step(code);
        self.predict(difference);
    }

    /// LOGSCL and SCALEL, or LOGSCH and SCALEH.
    #[inline]
    fn adapt_step(&mut self, code: usize) {
        self.nb = (((self.nb * 127) >> 7) + self.kind.growth[code]).clamp(0, self.kind.nb_max);
        let mantissa = ILB[(self.nb >> 6 & 31) as usize];
        let shift = self.kind.exponent - (self.nb >> 11);
        self.step = if shift < 0 { mantissa << -shift } else { mantissa >> shift } << 2;
    }

    /// RECONS to PREDIC: the predictor moves its poles and zeros towards what has come, and expects the next sample.
    #[inline]
    fn predict(&mut self, d: i32) {
        let r = saturated(self.s + d);
        let p = saturated(self.sz + d);
        let like = |one: i32, other: i32| (one < 0) == (other < 0);
        // UPPOL2, UPPOL1
        let slope = saturated(self.a[0] << 2);
        let slope = if like(p, self.p[0]) { (-slope).min(32767) } else { slope };
        let a2 = if like(p, self.p[1]) { 128 } else { -128 } + (slope >> 7) + ((self.a[1] * 32512) >> 15);
        let a2 = a2.clamp(-12288, 12288);
        let a1 = saturated(if like(p, self.p[0]) { 192 } else { -192 } + ((self.a[0] * 32640) >> 15));
        let most = saturated(15360 - a2);
        self.a = [a1.clamp(-most, most), a2];
        // UPZERO
        let pull = if d == 0 { 0 } else { 128 };
        for (b, before) in self.b.iter_mut().zip(&self.d) {
            *b = saturated(if like(d, *before) { pull } else { -pull } + ((*b * 32640) >> 15));
        }
        // DELAYA
        self.d.copy_within(0..5, 1);
        self.d[0] = d;
        self.r = [r, self.r[0]];
        self.p = [p, self.p[0]];
        // FILTEP, FILTEZ, PREDIC
        let doubled = |sample: i32| saturated(sample + sample);
        let poles = saturated(((self.a[0] * doubled(self.r[0])) >> 15) + ((self.a[1] * doubled(self.r[1])) >> 15));
        let zeros = self.b.iter().zip(&self.d).map(|(b, d)| (b * doubled(*d)) >> 15).sum();
        self.sz = saturated(zeros);
        self.s = saturated(poles + self.sz);
    }
}

/// Into 16 bits.
#[inline]
pub(super) fn saturated(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

/// A step times a quantity in 2^-15 of it.
#[inline]
pub(super) fn scaled(step: i32, quantity: i32) -> i32 {
    (step * quantity) >> 15
}

/// 2^(11 + n/32): the mantissa of a step (table 16).
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
