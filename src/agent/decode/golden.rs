//! The same text in each coding, as other programs encode it.

/// The encoded [`text`].
pub(super) struct Golden {
    pub(super) coding: &'static str,
    hex: &'static str,
    /// The lengths at which the encoded text could end as well: the ends of its members or frames, without the last.
    pub(super) parts: &'static [usize],
}

impl Golden {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let digits: Vec<_> = self.hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
    }
}

/// Returns the text that all vectors decode to.
pub(super) fn text() -> Vec<u8> {
    (0u32..40).flat_map(|number| format!("line {number}: {}\n", number.pow(3)).into_bytes()).collect()
}

pub(super) const GOLDEN: &[Golden] = &[
    // Python's `gzip.compress`.
    Golden {
        coding: "gzip",
        hex: "1f8b08000000000002033dd1319204310803c07c5fe1271804d8f83f175cd5d6fe3f3c386b3653e01a359af7efe767cc33e6\
            ebdd49ce909bf48c7d13ced075a39d1176a3d74bf59ba35e48dcbcce80e1e67d868bde9c672c4db654a1ccf9747629c05ea9\
            6259ca6ee97249d68b35c5289022008b062984cda4428a6129744843362891a2c4765ab42cfb6bd1b2a4c6b3415b6618318a\
            be59821ab5766f25477b118f67138dbec317415a20c9d814e9febfcb49d222a961d384d9777e512894e64aaa502ae88ae7f7\
            940a9ea00aa5426252855299ee6725f44a114e154ae5339c2af44eb6175528557d58f2f507bcb8e89126020000",
        parts: &[],
    },
    // A member whose header has every field.
    Golden {
        coding: "gzip",
        hex: "1f8b081e0000000002ff0400616263646e616d652e747874006120636f6d6d656e74007a613dd1319204310803c07c5fe127\
            1804d8f83f175cd5d6fe3f3c386b3653e01a359af7efe767cc33e6ebdd49ce909bf48c7d13ced075a39d1176a3d74bf59ba3\
            5e48dcbcce80e1e67d868bde9c672c4db654a1ccf9747629c05ea96259ca6ee97249d68b35c5289022008b062984cda4428a\
            6129744843362891a2c4765ab42cfb6bd1b2a4c6b3415b6618318abe59821ab5766f25477b118f67138dbec317415a20c9d8\
            14e9febfcb49d222a961d384d9777e512894e64aaa502ae88ae7f7940a9ea00aa5426252855299ee6725f44a114e154ae533\
            9c2af44eb6175528557d58f2f507bcb8e89126020000",
        parts: &[],
    },
    // Three members, the second empty.
    Golden {
        coding: "gzip",
        hex: "1f8b080000000000020325cab90dc0201004c09c2ab604eee140db8f034b88fe43636d36c1ecf73ce8446ffb97112639b1a4\
            207c8a49548ae34e1f72dd61254f2232e4450cf3f601ffdc9a8d640000001f8b080000000000020303000000000000000000\
            1f8b08000000000004033dd0318e83211083d13ea7e0088c0d330cf7d962a528f72fd7bfe44d81c4d7a087dfbf9f9fd17714\
            faf57eee31afce9cae5091e182aa705cbc03d1e55aaa5acbb5ef206bbbf28e353b5da5eaa0ebdcb10fe11225cfb605b29caf\
            05b234d2163c9699cb18081388b406d2040fcc8138b113f6409ea85d0641a0e83c164122fd6b9b0491b0786ca24ca82f8a42\
            a1abada25444a555948abb6915a562735a45a916ceff4a7c56cadc5651aa3d735bc567a775ca2a4aa587a35f7f2b95b677c2\
            010000",
        parts: &[80, 100],
    },
    // Python's `zlib.compress`.
    Golden {
        coding: "deflate",
        hex: "789c3dd1319204310803c07c5fe1271804d8f83f175cd5d6fe3f3c386b3653e01a359af7efe767cc33e6ebdd49ce909bf48c\
            7d13ced075a39d1176a3d74bf59ba35e48dcbcce80e1e67d868bde9c672c4db654a1ccf9747629c05ea96259ca6ee97249d6\
            8b35c5289022008b062984cda4428a6129744843362891a2c4765ab42cfb6bd1b2a4c6b3415b6618318abe59821ab5766f25\
            477b118f67138dbec317415a20c9d814e9febfcb49d222a961d384d9777e512894e64aaa502ae88ae7f7940a9ea00aa54262\
            52855299ee6725f44a114e154ae5339c2af44eb6175528557d58f2f507b1dc8594",
        parts: &[],
    },
    // Python's `zlib.compressobj`, raw.
    Golden {
        coding: "deflate",
        hex: "3dd1319204310803c07c5fe1271804d8f83f175cd5d6fe3f3c386b3653e01a359af7efe767cc33e6ebdd49ce909bf48c7d13\
            ced075a39d1176a3d74bf59ba35e48dcbcce80e1e67d868bde9c672c4db654a1ccf9747629c05ea96259ca6ee97249d68b35\
            c5289022008b062984cda4428a6129744843362891a2c4765ab42cfb6bd1b2a4c6b3415b6618318abe59821ab5766f25477b\
            118f67138dbec317415a20c9d814e9febfcb49d222a961d384d9777e512894e64aaa502ae88ae7f7940a9ea00aa542625285\
            5299ee6725f44a114e154ae5339c2af44eb6175528557d58f2f507",
        parts: &[],
    },
    // Raw, fixed codes.
    Golden {
        coding: "deflate",
        hex: "cbc9cc4b5530b05230e0ca01b10cad140c212c232b050b08cbd84ac1c81cc234b152303381304d812a8d4c216c33a00a4333\
            08dbdc4ac1d8c418c2b6b05230353482b02dad14cc8d2ca1b6002d34343080d909b2d4d8186aaf21d062437323a8dd8620cb\
            0d2da1d61b9a809c6202758121d009c6c6e6503718021d61626009758521d019269686507718821c62610c758921d0296616\
            a650b71801dd6201778b11d02d964666b03000b9c5c0cc04ea182363909f0dcda0ae313201b9dbc208ea1c235088989ac1c2\
            c4c80ce40f5373a8838c800e32b434b380bac8c802ec2f53a8938c804e323231b680bac9d800e44fb8a38c818e32b234b784\
            baca18e82a6323733358f4005d656c6a690c759531d055c696c606505719035d656264010b25635028999999425d650c7495\
            a9819929d455c6a07032b13087baca18e82aa0c186965c00",
        parts: &[],
    },
    // Node's `zlib.brotliCompressSync`.
    Golden {
        coding: "br",
        hex: "1b2502a08dd45ef542918ddcd87e6f2928480102d5daea2c7c5030de35277e284530349b86249804c72163a2e7ebee187ef5\
            eb951e0dc6c10b86d934ecd35851a1858b43aeb641cac8ddf5af7926dd64076d1c141d67da33aca4173915c59d26e71e4176\
            dd66417955451ba8c1d7a53943d172461e26eb0a1be9b562a32337d15924fbf0b2b27455a58dd36012d6856ee88c610d3b07\
            e78d9456786e699973ce48deb0f300",
        parts: &[],
    },
    // `zstd -19` of a stream, with a checksum.
    Golden {
        coding: "zstd",
        hex: "28b52ffd046845060026d22710c0a5d886f5df5d5a5ad9bd9315c21c162200220022001529df88281f3d1b7f2ef1838cf056\
            355fe4f234c58f99978177f90ac1070183802077cbc73722063e7c34147f9681f8417ac35b5d0c5f64223ccd98f9b1ab7919\
            6ce51d6f4498f9901b64cc9fe96a7e90a1aebc9591952f7251791a0f527eaceaf2324c4519c2558ef8b30d43fc205441bc15\
            550d5f648387a70939e1c7e4487819ca2cbc7b766627a810668c929e03c053071012ea03b1a396075f125455eaa685344cc1\
            3ca1cb16010514b414bb48195e",
        parts: &[],
    },
    // Two frames, and a skippable frame between them.
    Golden {
        coding: "zstd",
        hex: "28b52ffd206455020054036c696e6520303a20300a313a2031323a2038333a203237343a203634353a20313235363a203231\
            36373a20333433383a203531320a0800601430cacb282e430b353418040ce955905a2a4d180300000061626328b52ffd0458\
            550600b20e2012b0a5d0060e2e0c9eb9b2bb77265db2830c02810bdff0e73219de3c14862f0f91f0e4b20a3f0e3ef362df98\
            b7a96abebebaf2e12a1f6c96f2d7b11a5df0d59a0a9e5a9ae0a735072fa568f0ae5028f5f8a8f1a13746fcd536bc394ef8a2\
            0bc2d394cd8f489597ba286f6b05dfb0838f1042f0212808180004aec51f050103801f0020739039c81c640e3287cc339679\
            c9668eb1522e96d962c9b6d65ac55ca4988b137351622e46cc458871079600671e466b300cc8066403b201d9806c4036201b\
            904d91cd31597be9a9",
        parts: &[83, 94],
    },
];
