//! Long answers go out in pieces: a connection that takes nothing holds a piece and not a copy of the whole.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    web::Bytes,
};

/// The longest piece, in bytes. A connection fills no write buffer beyond it.
pub const PIECE: usize = 8 * 1024;

struct Pieces(Bytes);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let length = self.0.len().min(PIECE);
        let piece = self.0.split_to(length);
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

/// The same answer; its body in pieces, if it is a long one in memory.
pub(crate) fn in_pieces(answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let is_long = matches!(answer.response().body().size(), BodySize::Sized(length) if length > PIECE as u64);
    if !is_long {
        return answer;
    }
    answer.map_body(|_, body| match body.try_into_bytes() {
        Ok(whole) => BoxBody::new(Pieces(whole)),
        Err(body) => body,
    })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use actix_web::{HttpResponse, test::TestRequest};

    use super::*;

    async fn pieces_of(body: Bytes) -> (BodySize, Vec<Bytes>) {
        let request = TestRequest::default().to_http_request();
        let answer = in_pieces(ServiceResponse::new(request, HttpResponse::Ok().body(body)));
        let mut body = Box::pin(answer.into_body());
        let (size, mut pieces) = (body.size(), Vec::new());
        while let Some(piece) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
            pieces.push(piece.unwrap());
        }
        (size, pieces)
    }

    #[actix_web::test]
    async fn x01_a_long_answer_is_the_same_in_pieces() {
        for length in [0, 1, PIECE, PIECE + 1, 3 * PIECE, 150_000] {
            let whole: Bytes = (0..length).map(|at| (at % 251) as u8).collect();
            let (size, pieces) = pieces_of(whole.clone()).await;
            assert_eq!(size, BodySize::Sized(length as u64));
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE), "{length}");
            assert_eq!(pieces.concat(), whole);
        }
    }
}
