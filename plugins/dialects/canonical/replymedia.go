package canonical

import "bytes"

// writeMedia writes the images and the sound that a model has made.
func (r *Reply) writeMedia(w *Writer) {
	images := int64(0)
	for i := range r.Blocks {
		b := &r.Blocks[i]
		if b.Kind != MediaBlock || b.isSound() {
			continue
		}
		if images == 0 {
			w.Name("images")
			w.Open('[')
		}
		b.writeImage(w, images)
		images++
	}
	if images > 0 {
		w.Close(']')
	}
	for i := range r.Blocks {
		if b := &r.Blocks[i]; b.Kind == MediaBlock && b.isSound() {
			b.writeSound(w)
			return
		}
	}
}

func (b *Block) isSound() bool { return bytes.HasPrefix(Text(b.Media), []byte("audio/")) }

// writeImage writes an image as the services do that have models which make some: OpenAI's
// chat completions have no place for it.
func (b *Block) writeImage(w *Writer, number int64) {
	w.Open('{')
	w.MemberInt("index", number)
	w.MemberLiteral("type", `"image_url"`)
	w.Name("image_url")
	w.Raw(`{"url":"data:`)
	w.B = append(w.B, Inside(b.Media)...)
	w.Raw(";base64,")
	w.B = append(w.B, Inside(b.Data)...)
	w.Raw(`"}}`)
}

// writeSound writes the one sound that a message can have. Nothing is kept of it, so its id is
// good for nothing.
func (b *Block) writeSound(w *Writer) {
	w.Name("audio")
	w.Raw(`{"id":"audio","data":`)
	w.Value(b.Data)
	w.Raw(`,"expires_at":0,"transcript":""}`)
}
